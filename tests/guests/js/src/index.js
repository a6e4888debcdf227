/// <reference types="@fastly/js-compute" />

// A small guest of the JavaScript SDK. What matters about it is less what it does than what it is: a
// JavaScript engine whose memory was initialised when it was built, some ten megabytes of it.

import { Acl } from "fastly:acl";
import { ConfigStore } from "fastly:config-store";
import { Device } from "fastly:device";
import { EdgeRateLimiter, PenaltyBox, RateCounter } from "fastly:edge-rate-limiter";
import { getGeolocationForIpAddress } from "fastly:geolocation";
import { KVStore } from "fastly:kv-store";
import { SecretStore } from "fastly:secret-store";
import { coreCache, simpleCache } from "./caches.js";

addEventListener("fetch", (event) => event.respondWith(respond(event.request)));

async function respond(request) {
  switch (new URL(request.url).pathname) {
    case "/hello":
      return new Response("Hello from JavaScript\n");
    case "/echo":
      return new Response(request.body, { headers: { "x-method": request.method } });
    case "/proxy":
      return proxy(request);
    case "/config":
      return config();
    case "/kv":
      return told(kv);
    case "/secret":
      return told(secret);
    case "/acl":
      return told(acl);
    case "/rates":
      return told(rates);
    case "/geo":
      return told(geo);
    case "/device":
      return told(device);
    case "/simple-cache":
      return told(simpleCache);
    case "/core-cache":
      return told(coreCache);
    default:
      return new Response("no such route\n", { status: 404 });
  }
}

// Sends the client's method and body to the path /echo of the backend origin, and answers with the
// response.
async function proxy(request) {
  try {
    return await fetch("http://origin/echo", {
      backend: "origin",
      method: request.method,
      body: request.body,
    });
  } catch (error) {
    return new Response(`${error}\n`, { status: 502 });
  }
}

// The value of one key of the config store strings.
function config() {
  try {
    return new Response(new ConfigStore("strings").get("greeting"));
  } catch (error) {
    return new Response(`${error}\n`, { status: 404 });
  }
}

// Answers with what a function comes to, or with the error that it ends with.
async function told(respond) {
  try {
    return new Response(await respond());
  } catch (error) {
    return new Response(`${error}\n`, { status: 500 });
  }
}

// Writes to the KV store kv, reads, lists and removes.
async function kv() {
  const store = new KVStore("kv");
  await store.put("js/one", "first", { metadata: "about one" });
  await store.put("js/two", new TextEncoder().encode("second"), { ttl: 3600 });
  await store.put("js/two", "!", { mode: "append" });
  const one = await store.get("js/one");
  const two = await store.get("js/two");
  const { list } = await store.list({ prefix: "js/" });
  const found = [await one.text(), one.metadataText(), await two.text(), ...list];
  await store.delete("js/one");
  await store.delete("js/two");
  found.push(String(await store.get("js/one")));
  return found.join(" ");
}

// A secret of the store secrets, one that is not there, and one of the guest's own.
async function secret() {
  const store = new SecretStore("secrets");
  const password = await store.get("password");
  const missing = await store.get("missing");
  const own = SecretStore.fromBytes(new TextEncoder().encode("own"));
  return `${password.plaintext()} ${missing} ${own.plaintext()}`;
}

// What the list networks says about two addresses.
async function acl() {
  const networks = Acl.open("networks");
  const entry = await networks.lookup("10.1.2.3");
  const none = await networks.lookup("2001:db8::1");
  return `${entry.action} ${entry.prefix} ${none}`;
}

// Where two addresses are.
function geo() {
  const known = getGeolocationForIpAddress("10.1.2.3");
  const loopback = getGeolocationForIpAddress("::1");
  return `${known.city} ${known.country_code3} ${known.as_number} ${loopback.city}`;
}

// What is known about a device, and about one that is not known.
function device() {
  const known = Device.lookup("Example/1.0");
  return `${known.brand} ${known.isMobile} ${Device.lookup("Other/1.0")}`;
}

// Counts events, and puts who makes too many into a penalty box.
function rates() {
  const counter = new RateCounter("js");
  counter.increment("entry", 30);
  const box = new PenaltyBox("js");
  const before = box.has("entry");
  const limiter = new EdgeRateLimiter(counter, box);
  const refused = limiter.checkRate("entry", 1, 60, 10, 1);
  box.add("other", 1);
  return `${counter.lookupCount("entry", 60)} ${before} ${refused} ${box.has("other")}`;
}
