/// <reference types="@fastly/js-compute" />

import { CoreCache, SimpleCache } from "fastly:cache";
import { purgeSurrogateKey } from "fastly:compute";

// Makes a value once, gets it, and purges it.
export async function simpleCache() {
  let made = 0;
  const set = async () => {
    made += 1;
    return { value: "value", ttl: 60 };
  };
  const first = await SimpleCache.getOrSet("js/simple", set);
  const second = await SimpleCache.getOrSet("js/simple", set);
  const found = `${await first.text()} ${await second.text()}`;
  const got = await SimpleCache.get("js/simple").text();
  SimpleCache.purge("js/simple", { scope: "global" });
  return `${found} ${got} ${made} ${SimpleCache.get("js/simple")}`;
}

// Inserts an object in a transaction, reads all and a part of it, and purges it.
export async function coreCache() {
  const before = CoreCache.lookup("js/core");
  const transaction = CoreCache.transactionLookup("js/core");
  const obliged = transaction.state().mustInsertOrUpdate();
  const [writer, written] = transaction.insertAndStreamBack({
    maxAge: 60_000,
    length: 10,
    surrogateKeys: ["js-core"],
    userMetadata: "about it",
  });
  writer.append("0123456789");
  writer.close();
  const back = await new Response(written.body()).text();
  const entry = CoreCache.lookup("js/core");
  const part = await new Response(entry.body({ start: 2, end: 4 })).text();
  const about = new TextDecoder().decode(entry.userMetadata());
  purgeSurrogateKey("js-core");
  const after = CoreCache.lookup("js/core");
  return `${before} ${obliged} ${back} ${part} ${about} ${entry.length()} ${entry.state().usable()} ${after}`;
}
