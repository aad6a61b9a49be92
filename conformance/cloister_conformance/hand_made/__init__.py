"""What is sent, made by hand: what no honest writer would write, for the suites and the vectors; a module for each chapter."""
