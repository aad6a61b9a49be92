import java.math.BigInteger;
import java.util.List;
import java.util.Map;

// Import the library here; its dependency belongs into pom.xml.

/** What Adapter.java asks of {{name}}: a function for each method, and the names of its refusals. */
final class Library {
  /** Each method with the params that it cannot do without. */
  static final Map<String, Adapter.Method> METHODS =
      Map.ofEntries(
          Map.entry("hello", new Adapter.Method(Library::hello)),
          Map.entry("reset", new Adapter.Method(Library::reset)),
          Map.entry("proof_of_work.target", new Adapter.Method(Library::target, "payload_length", "ttl_ms", "difficulty")));

  /** Returns the error name of chapter 01 for what the library throws to refuse its input, and null for all else. */
  static String nameRefusal(Throwable problem) {
    if (problem instanceof ArithmeticException) return "OutOfRange";
    return null;
  }

  static Map<String, ?> hello(Adapter.Params params) {
    List<String> capabilities = List.of("proof-of-work-target"); // add one when all of its methods are in METHODS
    return Map.of("name", "{{name}}", "version", "0", "language", "Java", "spec", "0.1", "capabilities", capabilities);
  }

  static Map<String, ?> reset(Adapter.Params params) {
    return null; // forget here what the handles stand for; nothing returned is {}
  }

  private static final BigInteger MAX_U64 = BigInteger.TWO.pow(64).subtract(BigInteger.ONE);

  // An example, chapter 06: call the library instead, or remove it.
  // Bytes are hex: params.bytes("message"), Adapter.hex(plaintext).
  static Map<String, ?> target(Adapter.Params params) {
    BigInteger payloadLength = params.integer("payload_length");
    BigInteger ttl = params.integer("ttl_ms");
    BigInteger difficulty = params.integer("difficulty");
    BigInteger length = payloadLength.add(BigInteger.valueOf(8));
    BigInteger product = ttl.divide(BigInteger.valueOf(1000)).multiply(length);
    BigInteger divisor = difficulty.multiply(length.add(product.divide(BigInteger.valueOf(65535))));
    boolean fits = product.bitLength() <= 64 && divisor.bitLength() <= 64;
    if (payloadLength.signum() < 0 || ttl.signum() < 0 || difficulty.signum() <= 0 || !fits) {
      throw new ArithmeticException("the target has no place in 64 bits");
    }
    return Map.of("target", "%016x".formatted(MAX_U64.divide(divisor)));
  }
}
