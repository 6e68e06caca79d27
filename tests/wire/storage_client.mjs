// Node's @google-cloud/storage against the server named by the first argument.
import assert from "node:assert/strict";
import {Storage} from "@google-cloud/storage";

const storage = new Storage({apiEndpoint: process.argv[2], projectId: "p", useAuthWithCustomEndpoint: false});

const [bucket] = await storage.createBucket("node-bucket");
assert.deepEqual(await bucket.exists(), [true]);
const file = bucket.file("a b/ü.txt");
await file.save("contents", {resumable: false, contentType: "text/plain", metadata: {metadata: {k: "v"}}, validation: "crc32c"});
assert.equal((await file.download())[0].toString(), "contents");
assert.equal((await file.download({start: 2, end: 4}))[0].toString(), "nte");
const [metadata] = await file.getMetadata();
assert.equal(metadata.metadata.k, "v");
assert.equal(String(metadata.size), "8");

const large = Buffer.alloc(2 << 20, "0123456789");
await bucket.file("pieces").save(large, {resumable: true, chunkSize: 256 << 10, validation: "md5"});
assert.ok((await bucket.file("pieces").download())[0].equals(large));

const [files, , answer] = await bucket.getFiles({delimiter: "/", autoPaginate: false});
assert.deepEqual(files.map((one) => one.name), ["pieces"]);
assert.deepEqual(answer.prefixes, ["a b/"]);
assert.deepEqual((await bucket.getFiles())[0].map((one) => one.name), ["a b/ü.txt", "pieces"]);

await file.copy(bucket.file("copy"));
assert.equal((await bucket.file("copy").download())[0].toString(), "contents");
await assert.rejects(bucket.file("copy").save("x", {resumable: false, preconditionOpts: {ifGenerationMatch: 0}}), {code: 412});
await assert.rejects(bucket.file("none").download(), {code: 404});
await bucket.deleteFiles();
await bucket.delete();
assert.deepEqual(await bucket.exists(), [false]);
