import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.nats.client.AuthHandler;
import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.impl.Headers;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeoutException;

/** Calls the mesh: it reads a customer, meets a problem, and moves the customer to another city. */
public final class Caller {
  private static final Duration WITHIN = Duration.ofSeconds(5);
  private static final ObjectMapper JSON = new ObjectMapper();

  /** An error that a worker has answered with. */
  static final class ProblemException extends Exception {
    final JsonNode problem;

    ProblemException(JsonNode problem) {
      super(problem.path("detail").asText());
      this.problem = problem;
    }
  }

  private static JsonNode call(Connection nats, String subject, Object request, Map<String, String> more)
      throws IOException, InterruptedException, ProblemException, TimeoutException {
    Headers headers = new Headers()
        .add("X-Request-Id", UUID.randomUUID().toString())
        .add("Request-Timeout", Long.toString(WITHIN.toMillis()))
        .add("Request-Deadline", Long.toString(System.currentTimeMillis() + WITHIN.toMillis()));
    more.forEach(headers::put);
    Message reply = nats.request(subject, headers, JSON.writeValueAsBytes(request), WITHIN);
    if (reply == null) {
      throw new TimeoutException(subject + " did not answer in time, or nobody serves it");
    }
    JsonNode body = JSON.readTree(reply.getData());
    if (reply.hasHeaders() && reply.getHeaders().containsKey("Nats-Service-Error-Code")) {
      throw new ProblemException(body);
    }
    return body;
  }

  public static void main(String[] arguments) throws Exception {
    AuthHandler auth = Nats.credentials(null, System.getenv("NATS_NKEY_SEED_FILE"));
    auth.sign(new byte[1]); // loads the cryptography now: NATS refuses a client that needs a second for it
    Options options = Options.builder()
        .server(System.getenv("NATS_URL"))
        .authHandler(auth)
        .inboxPrefix("_INBOX_" + System.getenv("MESH_CALLER") + ".")
        .maxReconnects(-1)
        .build();
    String known = arguments[0];
    try (Connection nats = Nats.connect(options)) {
      JsonNode before = call(nats, "customers.get", Map.of("customer_id", known), Map.of());
      System.out.println(before);
      try {
        call(nats, "customers.get", Map.of("customer_id", arguments[1]), Map.of());
      } catch (ProblemException error) {
        System.out.println(error.problem);
      }
      Map<String, Object> update = Map.of(
          "customer_id", known,
          "expected_version", before.get("version"),
          "patch", Map.of("city", arguments[2]));
      call(nats, "customers.update", update, Map.of(
          "Authorization", "Bearer " + System.getenv("MESH_TOKEN"),
          "Idempotency-Key", UUID.randomUUID().toString()));
      System.out.println(call(nats, "customers.get", Map.of("customer_id", known), Map.of()));
    }
  }
}
