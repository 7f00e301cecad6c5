import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import northwind.ApiClient;
import northwind.ApiException;
import northwind.api.AuthApi;
import northwind.api.CustomersApi;
import northwind.api.OrdersApi;
import northwind.api.ProductsApi;
import northwind.model.Credentials;
import northwind.model.CustomerChange;
import northwind.model.NewCustomer;
import northwind.model.NewLine;
import northwind.model.NewOrder;
import northwind.model.Problem;

/** A session with the client that openapi-generator makes. */
public final class Session {
    private static final ObjectMapper JSON = ApiClient.createDefaultObjectMapper();

    private interface Call {
        void run() throws ApiException;
    }

    /** A client that sends this token, or none. */
    private static ApiClient client(String token) {
        ApiClient client = new ApiClient();
        client.updateBaseUri(System.getenv("GATEWAY"));
        if (token != null) {
            client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));
        }
        return client;
    }

    private static ApiClient loggedIn(String email, String password) throws ApiException {
        Credentials credentials = new Credentials().email(email).password(password);
        return client(new AuthApi(client(null)).login(credentials).getAccessToken());
    }

    private static Problem problem(Call call) throws Exception {
        try {
            call.run();
        } catch (ApiException refused) {
            return JSON.readValue(refused.getResponseBody(), Problem.class);
        }
        throw new AssertionError("no problem");
    }

    public static void main(String[] arguments) throws Exception {
        String email = System.getenv("EMAIL");
        String password = System.getenv("PASSWORD");
        Map<String, Object> seen = new LinkedHashMap<>();
        Credentials credentials = new Credentials().email(email).password(password);
        seen.put("email", new AuthApi(client(null)).register(credentials, null).getEmail());
        ApiClient own = loggedIn(email, password);
        CustomersApi readers = new CustomersApi(own);
        CustomersApi admins =
                new CustomersApi(loggedIn(System.getenv("ADMIN_EMAIL"), System.getenv("ADMIN_PASSWORD")));

        seen.put("products", new ProductsApi(own).listProducts(null, null, null, null, null, null, null, null, null,
                null, null, null, 3, null, null, null, null, null, null, null).getItems().size());
        String id = admins.createCustomer(
                new NewCustomer().companyName("Generated Ltd.").phone("030-1"), null, null).getCustomerId();

        var read = readers.getCustomerWithHttpInfo(id, null, null, null);
        seen.put("before", List.of(read.getData().getCompanyName(), read.getData().getPhone()));
        String etag = read.getHeaders().entrySet().stream()
                .filter(header -> header.getKey().equalsIgnoreCase("ETag"))
                .findFirst().orElseThrow().getValue().get(0);
        CustomerChange change = new CustomerChange().city("Bonn").phone(null);
        var changed = admins.updateCustomer(id, etag, change, null, null);
        seen.put("after", java.util.Arrays.asList(
                changed.getCompanyName(), changed.getCity(), changed.getPhone(), changed.getVersion()));
        seen.put("stale", problem(() -> admins.updateCustomer(id, etag, change, null, null)).getReason());

        NewOrder wanted = new NewOrder().addLinesItem(new NewLine().productId(1).quantity(2));
        var order = new OrdersApi(own).placeOrder(wanted, null, null);
        var line = order.getLines().get(0);
        seen.put("order", List.of(order.getStatus().getValue(), line.getProductName(), line.getQuantity()));
        Problem missing = problem(() -> readers.getCustomer("QQQQQ", null, null, null));
        seen.put("missing", List.of(missing.getStatus(), missing.getReason()));
        System.out.println(JSON.writeValueAsString(seen));
    }
}
