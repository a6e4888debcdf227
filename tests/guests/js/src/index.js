/// <reference types="@fastly/js-compute" />

// A small guest of the JavaScript SDK. What matters about it is less what it does than what it is: a
// JavaScript engine whose memory was initialised when it was built, some ten megabytes of it.

import { Acl } from "fastly:acl";
import { CacheOverride } from "fastly:cache-override";
import { ConfigStore } from "fastly:config-store";
import { Device } from "fastly:device";
import { Dictionary } from "fastly:dictionary";
import { EdgeRateLimiter, PenaltyBox, RateCounter } from "fastly:edge-rate-limiter";
import { getGeolocationForIpAddress } from "fastly:geolocation";
import { Format, Region } from "fastly:image-optimizer";
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
    case "/hooks":
      return told(hooks);
    case "/config":
      return config();
    case "/dictionary":
      return told(dictionary);
    case "/kv":
      return told(kv);
    case "/kv-refusals":
      return told(kvRefusals);
    case "/kv-at-once":
      return told(kvAtOnce);
    case "/image":
      return told(image);
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

// Random bytes of the backend, which the hooks put between brackets before they are stored: the text, what a hook has added
// to the response, whether it was cached, and how often each hook has run.
async function hooks() {
  let before = 0;
  let after = 0;
  const response = await fetch("http://origin/random", {
    backend: "origin",
    cacheOverride: new CacheOverride({
      beforeSend(request) {
        before += 1;
        request.headers.set("x-before", "1");
      },
      afterSend(response) {
        after += 1;
        response.headers.set("x-after", "stored");
        response.ttl = 60;
        return {
          cache: true,
          bodyTransformFn(body) {
            const text = new TextDecoder().decode(body).trim();
            return new TextEncoder().encode(`[${text}]`);
          },
        };
      },
    }),
  });
  const text = await response.text();
  const { headers } = response;
  return `${text} ${headers.get("x-after")} ${headers.get("x-cache")} ${before} ${after}`;
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

// What the KV store kv refuses: to add what is there, another generation, a key that is none, and what is not there.
async function kvRefusals() {
  const store = new KVStore("kv");
  await store.put("js/refused", "b", { mode: "add" });
  const refused = async (write) => {
    try {
      await write();
      return "written";
    } catch {
      return "refused";
    }
  };
  const outcomes = [
    await refused(() => store.put("js/refused", "x", { mode: "add" })),
    await refused(() => store.put("js/refused", "x", { gen: 1 })),
    await refused(() => store.put("js/a;b", "x")),
    await refused(() => store.put("js/refused", "a", { mode: "prepend" })),
  ];
  const left = await (await store.get("js/refused")).text();
  await store.delete("js/refused");
  outcomes.push(await refused(() => store.delete("js/refused")));
  return `${outcomes.join(" ")} ${left}`;
}

// Twenty writes under way at once, then as many reads, the keys by pages, and as many removals.
async function kvAtOnce() {
  const store = new KVStore("kv");
  const keys = Array.from({ length: 20 }, (_, number) => `at-once/${String(number).padStart(2, "0")}`);
  await Promise.all(keys.map((key) => store.put(key, key)));
  const entries = await Promise.all(keys.map((key) => store.get(key)));
  const values = await Promise.all(entries.map((entry) => entry.text()));
  const pages = [];
  let cursor;
  do {
    const page = await store.list({ prefix: "at-once/", limit: 8, noSync: true, cursor });
    pages.push(page.list.length);
    cursor = page.cursor;
  } while (cursor);
  await Promise.all(keys.map((key) => store.delete(key)));
  const { list } = await store.list({ prefix: "at-once/" });
  return `${values.join() === keys.join()} ${pages.join("+")} ${list.length}`;
}

// An image of the backend images at half its size, and what the image optimizer says where it cannot do something.
async function image() {
  const ask = (options) =>
    fetch("http://images/image.png", {
      backend: "images",
      imageOptimizerOptions: { region: Region.EuCentral, ...options },
    });
  const half = await ask({ width: "50%", format: Format.WEBP, quality: 40 });
  const bytes = await half.arrayBuffer();
  const info = half.headers.get("fastly-io-info");
  const refused = await ask({ format: Format.JXL });
  const why = await refused.text();
  return [
    half.headers.get("content-type"),
    info.includes(`ofsz=${bytes.byteLength} odim=4x2`),
    refused.status,
    why.includes("`format`"),
  ].join(" ");
}

// The dictionary strings, which is the config store of that name: the same value.
function dictionary() {
  const strings = new Dictionary("strings");
  return `${strings.get("greeting")} ${strings.get("missing")}`;
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
