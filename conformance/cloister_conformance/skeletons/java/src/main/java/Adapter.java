import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
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
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Answers the requests of chapter 13, one on a line. Nothing here is about one library: Library.java is. */
public final class Adapter {
  interface Function {
    Map<String, ?> answer(Params params) throws Exception; // null is an empty result
  }

  /** What answers a method, and the params that it cannot do without. */
  record Method(Function function, List<String> required) {
    Method(Function function, String... required) {
      this(function, List.of(required));
    }
  }

  /** A handle stands for nothing, or a param is of another type. */
  static final class InvalidParams extends RuntimeException {
    InvalidParams(String text) {
      super(text);
    }
  }

  record Params(JsonObject members) {
    boolean has(String name) {
      return members.has(name) && !members.get(name).isJsonNull();
    }

    String text(String name) {
      if (members.get(name) instanceof JsonPrimitive value && value.isString()) return value.getAsString();
      throw new InvalidParams(name + " is no string");
    }

    BigInteger integer(String name) {
      try {
        return members.get(name).getAsBigInteger();
      } catch (RuntimeException problem) {
        throw new InvalidParams(name + " is no integer");
      }
    }

    byte[] bytes(String name) {
      try {
        return HexFormat.of().parseHex(text(name));
      } catch (IllegalArgumentException problem) {
        throw new InvalidParams(name + " is not hex");
      }
    }
  }

  static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }

  private static Map<String, ?> call(String name, Params params) {
    Method method = Library.METHODS.get(name);
    if (method == null) return failure(-32601, "there is no method " + name, Map.of());
    for (String member : method.required()) {
      if (!params.has(member)) return failure(-32602, "the params lack " + member, Map.of());
    }
    try {
      return Map.of("result", Objects.requireNonNullElse(method.function().answer(params), Map.of()));
    } catch (Throwable problem) {
      return describe(problem);
    }
  }

  /** Answers what was thrown: a refusal if the library means it as one. */
  private static Map<String, ?> describe(Throwable problem) {
    if (problem instanceof InvalidParams) return failure(-32602, problem.getMessage(), Map.of());
    String refusal = Library.nameRefusal(problem);
    if (refusal != null) return failure(-32000, problem.toString(), Map.of("error", refusal));
    problem.printStackTrace();
    return failure(-32603, problem.toString(), Map.of());
  }

  private static Map<String, ?> failure(int code, String message, Map<String, ?> data) {
    return Map.of("error", Map.of("code", code, "message", message, "data", data));
  }

  private static final Gson GSON = new GsonBuilder().setStrictness(Strictness.STRICT).serializeNulls().create();

  private static JsonObject read(String line) {
    try {
      return Objects.requireNonNullElseGet(GSON.fromJson(line, JsonObject.class), JsonObject::new);
    } catch (JsonParseException | ClassCastException rubbish) {
      return new JsonObject();
    }
  }

  private static String answer(String line) {
    Map<String, Object> answer = new HashMap<>();
    answer.put("jsonrpc", "2.0");
    JsonObject request = read(line);
    if (request.get("id") instanceof JsonPrimitive id && request.get("method") instanceof JsonPrimitive method) {
      JsonElement params = request.get("params");
      answer.put("id", id);
      answer.putAll(call(method.getAsString(), new Params(params instanceof JsonObject some ? some : new JsonObject())));
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
