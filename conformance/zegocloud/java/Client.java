import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/** Signs and sends each request of the plan as ZEGOCLOUD documents it, with the JDK alone. */
public final class Client {
    public static void main(String[] arguments) throws Exception {
        for (String line : Files.readAllLines(Path.of(arguments[0]))) {
            Map<String, String> answer;
            try {
                answer = ask(decode(line));
            } catch (Exception broken) {
                answer = Map.of("broken", broken.toString());
            }
            System.out.println(encode(answer));
        }
    }

    private static String sign(String appId, String nonce, String serverSecret, String timestamp)
            throws Exception {
        String text = appId + nonce + serverSecret + timestamp;
        MessageDigest md5 = MessageDigest.getInstance("MD5");
        return HexFormat.of().formatHex(md5.digest(text.getBytes(StandardCharsets.UTF_8)));
    }

    private static Map<String, String> ask(Map<String, String> step) throws Exception {
        String nonce = step.get("nonce");
        if (nonce.isEmpty()) {
            byte[] random = new byte[8];
            new SecureRandom().nextBytes(random);
            nonce = HexFormat.of().formatHex(random);
        }
        String timestamp = step.get("timestamp");
        if (timestamp.isEmpty()) {
            long offset = Long.parseLong(step.get("clock_offset"));
            timestamp = String.valueOf(Instant.now().getEpochSecond() + offset);
        }
        Map<String, String> answer = new LinkedHashMap<>();
        String signature = sign(step.get("app_id"), nonce, step.get("server_secret"), timestamp);
        answer.put("signature", signature);
        if (step.get("send").equals("no")) {
            return answer;
        }
        Map<String, String> parameters = new LinkedHashMap<>();
        parameters.put("AppId", step.get("app_id"));
        parameters.put("SignatureNonce", nonce);
        parameters.put("Timestamp", timestamp);
        parameters.put("Signature", signature);
        parameters.put("SignatureVersion", step.get("signature_version"));
        parameters.remove(step.get("omit"));
        String query = "Action=" + step.get("action") + "&" + encode(parameters);
        if (!step.get("extra").isEmpty()) {
            query += "&" + step.get("extra");
        }
        // A URL, unlike a URI, lets raw brackets through, as the vendor's own sample does.
        URL url = new URL(step.get("base") + "?" + query);
        HttpURLConnection connection = (HttpURLConnection) url.openConnection();
        connection.setConnectTimeout(10_000);
        connection.setReadTimeout(10_000);
        connection.setRequestMethod(step.get("method"));
        if (step.get("method").equals("POST")) {
            connection.setRequestProperty("Content-Type", step.get("content_type"));
            connection.setDoOutput(true);
            try (OutputStream out = connection.getOutputStream()) {
                out.write(step.get("body").getBytes(StandardCharsets.UTF_8));
            }
        }
        int status = connection.getResponseCode();
        try (InputStream in = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
            answer.put("status", String.valueOf(status));
            answer.put("body", in == null ? "" : new String(in.readAllBytes(), StandardCharsets.UTF_8));
        }
        return answer;
    }

    private static Map<String, String> decode(String line) {
        Map<String, String> fields = new HashMap<>();
        for (String pair : line.split("&")) {
            String[] parts = pair.split("=", 2);
            fields.put(parts[0], URLDecoder.decode(parts[1], StandardCharsets.UTF_8));
        }
        return fields;
    }

    private static String encode(Map<String, String> fields) {
        return fields.entrySet().stream()
                .map(field -> field.getKey() + "=" + URLEncoder.encode(field.getValue(), StandardCharsets.UTF_8))
                .collect(Collectors.joining("&"));
    }
}
