import com.alibaba.fastjson.JSON;
import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import com.alibaba.fastjson.parser.Feature;
import com.alibaba.fastjson.serializer.SerializerFeature;
import com.volcengine.model.ApiInfo;
import com.volcengine.model.im.BatchGetUserBody;
import com.volcengine.model.im.BatchGetUserRes;
import com.volcengine.model.im.BatchUpdateUserBody;
import com.volcengine.model.im.BatchUpdateUserRes;
import com.volcengine.model.im.BatchUpdateUserTagsBody;
import com.volcengine.model.im.BatchUpdateUserTagsRes;
import com.volcengine.model.im.QueryOnlineStatusBody;
import com.volcengine.model.im.QueryOnlineStatusRes;
import com.volcengine.model.im.RegisterUsersBody;
import com.volcengine.model.im.RegisterUsersRes;
import com.volcengine.model.im.UnRegisterUsersBody;
import com.volcengine.model.im.UnRegisterUsersRes;
import com.volcengine.model.im.UserBroadcastBody;
import com.volcengine.model.im.UserBroadcastRes;
import com.volcengine.model.response.RawResponse;
import com.volcengine.service.im.ImService;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.http.NameValuePair;
import org.apache.http.message.BasicNameValuePair;

/**
 * The vendor's Java SDK {@code volc-sdk-java}: typed {@code ImService} for the directory, and its
 * {@code query} for the actions on rooms, for which it has no types. Asks every case of the plan and prints
 * one JSON line for each; what is printed of the directory's answers went through the SDK's types.
 */
public final class Client {
    private static final String NAME = "volc-sdk-java (Maven)";

    /** What the SDK lets its caller see of a refusal. */
    private static final class Refused extends Exception {
        final JSONObject seen = new JSONObject(true);

        Refused(int status, String body) {
            super(body);
            JSONObject error = JSON.parseObject(body).getJSONObject("ResponseMetadata").getJSONObject("Error");
            if (status != 0) {
                seen.put("status", status);
            }
            seen.put("code", error.get("Code"));
            seen.put("code_n", error.get("CodeN"));
            seen.put("message", error.get("Message"));
        }
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        String plan = Files.readString(Path.of(arguments[0]));
        JSONObject parsed = JSON.parseObject(plan, Feature.OrderedField);
        JSONArray steps = parsed.getJSONArray("steps");
        for (int i = 0; i < steps.size(); i++) {
            JSONObject step = steps.getJSONObject(i);
            JSONObject line = new JSONObject(true);
            line.put("client", NAME);
            line.put("action", step.get("action"));
            line.put("case", step.get("case"));
            try {
                JSONObject envelope = ask(parsed.getString("host"), step);
                line.put("metadata", envelope.get("ResponseMetadata"));
                line.put("answer", envelope.get("Result"));
            } catch (Refused refused) {
                line.put("refusal", refused.seen);
            } catch (Exception broken) {
                line.put("broken", broken.toString());
            }
            out.println(JSON.toJSONString(line, SerializerFeature.WriteMapNullValue));
        }
        // The SDK's connection pool keeps threads that would keep the program.
        System.exit(0);
    }

    private static JSONObject ask(String host, JSONObject step) throws Exception {
        ImService service = ImService.getInstance();
        service.setHost(host);
        service.setScheme("http");
        service.setAccessKey(step.getString("access_key"));
        service.setSecretKey(step.getString("secret_key"));
        service.setSessionToken(step.getString("session_token"));
        boolean isGet = step.getString("method").equals("GET");
        if (isGet) {
            service.getApiInfoList().put(step.getString("action"), onRooms(step));
        }
        if (step.getString("via").equals("presigned")) {
            return presigned(service, host, step);
        }
        String action = step.getString("action");
        String body = step.getString("request");
        if (isGet) {
            RawResponse answer = service.query(action, parameters(step));
            if (answer.getException() != null) {
                throw refusal(answer.getHttpCode(), answer.getException());
            }
            return JSON.parseObject(new String(answer.getData(), StandardCharsets.UTF_8));
        }
        try {
            return switch (action) {
                case "RegisterUsers" -> {
                    RegisterUsersRes answer =
                            service.registerUsers(JSON.parseObject(body, RegisterUsersBody.class));
                    yield envelope(answer.getResponseMetadata(), answer.getResult());
                }
                case "BatchUpdateUser" -> {
                    BatchUpdateUserRes answer =
                            service.batchUpdateUser(JSON.parseObject(body, BatchUpdateUserBody.class));
                    yield envelope(answer.getResponseMetadata(), answer.getResult());
                }
                case "BatchGetUser" -> {
                    BatchGetUserRes answer =
                            service.batchGetUser(JSON.parseObject(body, BatchGetUserBody.class));
                    yield envelope(answer.getResponseMetadata(), answer.getResult());
                }
                case "UnRegisterUsers" -> {
                    UnRegisterUsersRes answer =
                            service.unRegisterUsers(JSON.parseObject(body, UnRegisterUsersBody.class));
                    yield envelope(answer.getResponseMetadata(), answer.getResult());
                }
                case "BatchUpdateUserTags" -> {
                    BatchUpdateUserTagsRes answer =
                            service.batchUpdateUserTags(JSON.parseObject(body, BatchUpdateUserTagsBody.class));
                    yield envelope(answer.getResponseMetadata(), answer.getResult());
                }
                case "UserBroadcast" -> {
                    UserBroadcastRes answer =
                            service.userBroadcast(JSON.parseObject(body, UserBroadcastBody.class));
                    yield envelope(answer.getResponseMetadata(), answer.getResult());
                }
                case "QueryOnlineStatus" -> {
                    QueryOnlineStatusRes answer =
                            service.queryOnlineStatus(JSON.parseObject(body, QueryOnlineStatusBody.class));
                    yield envelope(answer.getResponseMetadata(), answer.getResult());
                }
                default -> throw new IllegalArgumentException(action);
            };
        } catch (Exception refused) {
            throw refusal(0, refused);
        }
    }

    /** Back to JSON, by the names that the SDK's own types give their fields. */
    private static JSONObject envelope(Object metadata, Object result) {
        JSONObject envelope = new JSONObject(true);
        envelope.put("ResponseMetadata", JSON.parse(JSON.toJSONString(metadata)));
        envelope.put("Result", JSON.parse(JSON.toJSONString(result)));
        return envelope;
    }

    /** The SDK throws a bare Exception whose message is the body. */
    private static Exception refusal(int status, Exception thrown) {
        String body = thrown.getMessage();
        return body != null && body.startsWith("{") ? new Refused(status, body) : thrown;
    }

    private static ApiInfo onRooms(JSONObject step) {
        List<NameValuePair> query = List.of(
                new BasicNameValuePair("Action", step.getString("action")),
                new BasicNameValuePair("Version", step.getString("version")));
        return new ApiInfo(Map.of("Method", "GET", "Path", "/", "Query", query));
    }

    private static List<NameValuePair> parameters(JSONObject step) {
        List<NameValuePair> parameters = new ArrayList<>();
        step.getJSONObject("request").forEach((name, value) ->
                parameters.add(new BasicNameValuePair(name, String.valueOf(value))));
        return parameters;
    }

    private static JSONObject presigned(ImService service, String host, JSONObject step) throws Exception {
        boolean isGet = step.getString("method").equals("GET");
        String query = service.getSignUrl(step.getString("action"), isGet ? parameters(step) : null);
        URI uri = URI.create("http://" + host + "/?" + query + step.getString("append"));
        HttpRequest.Builder request = HttpRequest.newBuilder(uri).header("Content-Type", "application/json");
        if (!isGet) {
            request.POST(HttpRequest.BodyPublishers.ofString(step.getString("request")));
        }
        HttpResponse<String> answer =
                HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new Refused(answer.statusCode(), answer.body());
        }
        return JSON.parseObject(answer.body());
    }
}
