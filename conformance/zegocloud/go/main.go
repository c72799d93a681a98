// Signs and sends each request of the plan as ZEGOCLOUD documents it, with Go's standard library.
package main

import (
	"bufio"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	plan, err := os.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer plan.Close()
	lines := bufio.NewScanner(plan)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		step, err := url.ParseQuery(lines.Text())
		if err != nil {
			log.Fatal(err)
		}
		answer := url.Values{}
		if err := ask(step, answer); err != nil {
			answer.Set("broken", err.Error())
		}
		fmt.Println(answer.Encode())
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
}

func ask(step, answer url.Values) error {
	nonce := step.Get("nonce")
	if nonce == "" {
		random := make([]byte, 8)
		if _, err := rand.Read(random); err != nil {
			return err
		}
		nonce = hex.EncodeToString(random)
	}
	timestamp := step.Get("timestamp")
	if timestamp == "" {
		offset, err := strconv.ParseInt(step.Get("clock_offset"), 10, 64)
		if err != nil {
			return err
		}
		timestamp = strconv.FormatInt(time.Now().Unix()+offset, 10)
	}
	signature := sign(step.Get("app_id"), nonce, step.Get("server_secret"), timestamp)
	answer.Set("signature", signature)
	if step.Get("send") == "no" {
		return nil
	}
	query := []string{"Action=" + step.Get("action")}
	for _, parameter := range [][2]string{
		{"AppId", step.Get("app_id")},
		{"SignatureNonce", nonce},
		{"Timestamp", timestamp},
		{"Signature", signature},
		{"SignatureVersion", step.Get("signature_version")},
	} {
		if parameter[0] != step.Get("omit") {
			query = append(query, parameter[0]+"="+url.QueryEscape(parameter[1]))
		}
	}
	if extra := step.Get("extra"); extra != "" {
		query = append(query, extra)
	}
	target := step.Get("base") + "?" + strings.Join(query, "&")
	request, err := http.NewRequest(step.Get("method"), target, strings.NewReader(step.Get("body")))
	if err != nil {
		return err
	}
	if step.Get("method") == http.MethodPost {
		request.Header.Set("Content-Type", step.Get("content_type"))
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		return err
	}
	answer.Set("status", strconv.Itoa(reply.StatusCode))
	answer.Set("body", string(body))
	return nil
}

func sign(appID, nonce, serverSecret, timestamp string) string {
	sum := md5.Sum([]byte(appID + nonce + serverSecret + timestamp))
	return hex.EncodeToString(sum[:])
}
