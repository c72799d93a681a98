<?php
// Signs and sends each request of the plan as ZEGOCLOUD documents it, with what every PHP has.

declare(strict_types=1);

function sign(string $appId, string $nonce, string $serverSecret, string $timestamp): string
{
    return md5($appId . $nonce . $serverSecret . $timestamp);
}

/** @param array<string, string> $step */
function ask(array $step): array
{
    $nonce = $step['nonce'] !== '' ? $step['nonce'] : bin2hex(random_bytes(8));
    $timestamp = $step['timestamp'] !== ''
        ? $step['timestamp']
        : (string) (time() + (int) $step['clock_offset']);
    $signature = sign($step['app_id'], $nonce, $step['server_secret'], $timestamp);
    if ($step['send'] === 'no') {
        return ['signature' => $signature];
    }
    $parameters = [
        'AppId' => $step['app_id'],
        'SignatureNonce' => $nonce,
        'Timestamp' => $timestamp,
        'Signature' => $signature,
        'SignatureVersion' => $step['signature_version'],
    ];
    unset($parameters[$step['omit']]);
    $query = 'Action=' . $step['action'] . '&' . http_build_query($parameters);
    if ($step['extra'] !== '') {
        $query .= '&' . $step['extra'];
    }
    $http = ['method' => $step['method'], 'ignore_errors' => true, 'timeout' => 10];
    if ($step['method'] === 'POST') {
        $http['header'] = 'Content-Type: ' . $step['content_type'];
        $http['content'] = $step['body'];
    }
    $context = stream_context_create(['http' => $http]);
    $body = @file_get_contents($step['base'] . '?' . $query, false, $context);
    if ($body === false) {
        return ['broken' => error_get_last()['message'] ?? 'no answer'];
    }
    $status = explode(' ', $http_response_header[0])[1];
    return ['signature' => $signature, 'status' => $status, 'body' => $body];
}

foreach (file($argv[1], FILE_IGNORE_NEW_LINES) as $line) {
    parse_str($line, $step);
    echo http_build_query(ask($step)), "\n";
}
