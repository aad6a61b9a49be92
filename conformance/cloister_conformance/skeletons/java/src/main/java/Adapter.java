import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonPrimitive;
import com.google.gson.Strictness;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

// Import the library here; its dependency belongs into pom.xml.

/** The adapter of {{name}}: answers the requests of chapter 13, one on a line, by calls of the library. */
public final class Adapter {
  interface Method {
    Map<String, ?> answer(JsonObject params) throws Exception;
  }

  static final Map<String, Method> METHODS =
      Map.ofEntries(
          Map.entry("hello", Adapter::hello),
          Map.entry("reset", Adapter::reset),
          Map.entry("proof_of_work.target", Adapter::target));

  static Map<String, ?> hello(JsonObject params) {
    List<String> capabilities = List.of("proof-of-work-target"); // add one when all of its methods are in METHODS
    return Map.of("name", "{{name}}", "version", "0", "language", "Java", "spec", "0.1", "capabilities", capabilities);
  }

  static Map<String, ?> reset(JsonObject params) {
    return Map.of(); // forget here what the handles stand for
  }

  // An example, chapter 06: call the library instead, or remove it.
  // Bytes are hex: HexFormat.of().parseHex(text), HexFormat.of().formatHex(bytes).
  static Map<String, ?> target(JsonObject params) throws Refusal {
    BigInteger payloadLength = integer(params, "payload_length");
    BigInteger ttl = integer(params, "ttl_ms");
    BigInteger difficulty = integer(params, "difficulty");
    if (payloadLength.signum() < 0 || ttl.signum() < 0 || difficulty.signum() <= 0) throw new Refusal("OutOfRange");
    BigInteger length = payloadLength.add(BigInteger.valueOf(8));
    BigInteger product = ttl.divide(BigInteger.valueOf(1000)).multiply(length);
    BigInteger divisor = difficulty.multiply(length.add(product.divide(BigInteger.valueOf(65535))));
    if (product.bitLength() > 64 || divisor.bitLength() > 64) throw new Refusal("OutOfRange");
    return Map.of("target", "%016x".formatted(MAX_U64.divide(divisor)));
  }

  static final BigInteger MAX_U64 = BigInteger.TWO.pow(64).subtract(BigInteger.ONE);

  /** The library refused; the text is an error name of chapter 01. */
  static final class Refusal extends Exception {
    Refusal(String error) {
      super(error);
    }
  }

  static final class InvalidParams extends RuntimeException {
    InvalidParams(String text) {
      super(text);
    }
  }

  static BigInteger integer(JsonObject params, String name) {
    try {
      return params.get(name).getAsBigInteger();
    } catch (RuntimeException problem) {
      throw new InvalidParams(name + " is missing, or no integer");
    }
  }

  static Map<String, ?> call(String name, JsonObject params) {
    Method method = METHODS.get(name);
    if (method == null) return failure(-32601, "there is no method " + name, Map.of());
    try {
      return Map.of("result", method.answer(params));
    } catch (Refusal refusal) {
      return failure(-32000, "the library refused", Map.of("error", refusal.getMessage()));
    } catch (InvalidParams invalid) {
      return failure(-32602, invalid.getMessage(), Map.of());
    } catch (Throwable problem) {
      problem.printStackTrace();
      return failure(-32603, problem.toString(), Map.of());
    }
  }

  static Map<String, ?> failure(int code, String message, Map<String, ?> data) {
    return Map.of("error", Map.of("code", code, "message", message, "data", data));
  }

  static final Gson GSON = new GsonBuilder().setStrictness(Strictness.STRICT).serializeNulls().create();

  static JsonObject read(String line) {
    try {
      return Objects.requireNonNullElseGet(GSON.fromJson(line, JsonObject.class), JsonObject::new);
    } catch (JsonParseException | ClassCastException rubbish) {
      return new JsonObject();
    }
  }

  static String answer(String line) {
    Map<String, Object> answer = new HashMap<>();
    answer.put("jsonrpc", "2.0");
    JsonObject request = read(line);
    if (request.get("id") instanceof JsonPrimitive id && request.get("method") instanceof JsonPrimitive method) {
      answer.put("id", id);
      answer.putAll(call(method.getAsString(), request.get("params") instanceof JsonObject params ? params : new JsonObject()));
    } else {
      answer.put("id", null);
      answer.putAll(failure(-32700, "this line is not a request", Map.of()));
    }
    return GSON.toJson(answer);
  }

  public static void main(String[] arguments) throws IOException {
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    PrintStream answers = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    System.setOut(System.err); // what the library prints is not an answer
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      answers.print(answer(line) + "\n");
      answers.flush();
    }
  }
}
