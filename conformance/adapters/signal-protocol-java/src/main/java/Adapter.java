import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;

/** The adapter of signal-protocol-java. This class speaks the adapter protocol, Library calls the library. */
public final class Adapter {
  private static final int REFUSED = -32000;
  private static final int METHOD_NOT_FOUND = -32601;
  private static final int INVALID_PARAMS = -32602;
  private static final int INTERNAL_ERROR = -32603;
  private static final int PARSE_ERROR = -32700;

  private static final Gson GSON = new GsonBuilder().setStrictness(Strictness.STRICT).create();

  interface Function {
    JsonObject answer(Params params) throws Exception;
  }

  /** What answers a method, and the params that it cannot do without. */
  record Method(Function function, List<String> required) {
    Method(Function function, String... required) {
      this(function, List.of(required));
    }
  }

  static final class BadParams extends RuntimeException {
    BadParams(String message) {
      super(message);
    }
  }

  record Params(JsonObject members) {
    String text(String member) {
      JsonElement value = members.get(member);
      if (!value.isJsonPrimitive() || !value.getAsJsonPrimitive().isString()) {
        throw new BadParams(member + " is not a string");
      }
      return value.getAsString();
    }

    byte[] bytes(String member) {
      try {
        return HexFormat.of().parseHex(text(member));
      } catch (IllegalArgumentException e) {
        throw new BadParams(member + " is not hex");
      }
    }
  }

  static JsonObject members(String name, String value) {
    JsonObject members = new JsonObject();
    members.addProperty(name, value);
    return members;
  }

  static JsonObject members(String name, byte[] value) {
    return members(name, HexFormat.of().formatHex(value));
  }

  private static JsonObject failure(int code, String message, JsonObject data) {
    JsonObject error = new JsonObject();
    error.addProperty("code", code);
    error.addProperty("message", message);
    error.add("data", data);
    JsonObject answer = new JsonObject();
    answer.add("error", error);
    return answer;
  }

  private static JsonObject call(String name, Params params) {
    Method method = Library.METHODS.get(name);
    if (method == null) {
      return failure(METHOD_NOT_FOUND, "there is no method " + name, new JsonObject());
    }
    try {
      for (String member : method.required()) {
        if (!params.members().has(member)) {
          throw new BadParams("the params lack " + member);
        }
      }
      JsonObject answer = new JsonObject();
      answer.add("result", method.function().answer(params));
      return answer;
    } catch (BadParams e) {
      return failure(INVALID_PARAMS, e.getMessage(), new JsonObject());
    } catch (Throwable e) {
      String error = Library.nameOf(e);
      if (error == null) {
        return failure(INTERNAL_ERROR, e.toString(), new JsonObject());
      }
      return failure(REFUSED, e.toString(), members("error", error));
    }
  }

  private static JsonObject answer(String line) {
    JsonElement id = JsonNull.INSTANCE;
    JsonObject answer;
    try {
      JsonObject request = GSON.fromJson(line, JsonObject.class);
      String method = request.getAsJsonPrimitive("method").getAsString();
      JsonObject params = request.has("params") ? request.getAsJsonObject("params") : new JsonObject();
      id = Objects.requireNonNull(request.get("id"));
      answer = call(method, new Params(params));
    } catch (JsonParseException | ClassCastException | NullPointerException e) {
      answer = failure(PARSE_ERROR, "this line is not a request", new JsonObject());
    }
    answer.addProperty("jsonrpc", "2.0");
    answer.add("id", id);
    return answer;
  }

  public static void main(String[] arguments) throws IOException {
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    PrintStream output = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    System.setOut(System.err);
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      output.print(answer(line) + "\n");
      output.flush();
    }
  }
}
