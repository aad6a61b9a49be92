"""Speed, as ratios that are measured side by side in one run; nothing here judges an implementation.

`measure` measures, `render` shows. One module for each question: what does the reference cost beside its bare
primitives (`reference`, `pairwise`), what does the harness cost (`harness`), how fast is an implementation behind its pipe (`adapters`).
"""
