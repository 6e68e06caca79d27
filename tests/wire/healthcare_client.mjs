// @googleapis/healthcare against the server named by the first argument.
import assert from "node:assert/strict";
import {createRequire} from "node:module";

const {healthcare} = createRequire(process.cwd() + "/")("@googleapis/healthcare");
const rootUrl = process.argv[2] + "/";
const parent = "projects/p/locations/l";

for (const version of ["v1", "v1beta1"]) {
  const {datasets} = healthcare({version, rootUrl}).projects.locations;
  const name = `${parent}/datasets/node-${version}`;
  const done = async (operation) => {
    for (;;) {
      const {data} = await datasets.operations.get({name: operation.name});
      if (data.done) return data;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const made = await done((await datasets.create({parent, datasetId: `node-${version}`, requestBody: {timeZone: "UTC"}})).data);
  assert.equal(made.response.name, name);
  const {data: store} = await datasets.dicomStores.create({parent: name, dicomStoreId: "s", requestBody: {labels: {ward: "1"}}});
  assert.deepEqual(store, {name: `${name}/dicomStores/s`, labels: {ward: "1"}});
  assert.deepEqual((await datasets.dicomStores.list({parent: name, filter: "labels.ward=1"})).data, {dicomStores: [store]});
  const requestBody = {bigqueryDestination: {tableUri: `bq://p.analysis.node_${version}`, writeDisposition: "WRITE_TRUNCATE"}};
  const exported = await done((await datasets.dicomStores.export({name: store.name, requestBody})).data);
  assert.equal(exported.response["@type"], "type.googleapis.com/google.protobuf.Empty");
  assert.match(exported.metadata.logsUrl, /\/logs\?project=p&operation=\d+$/);
  assert.equal((await datasets.dicomStores.getDICOMStoreMetrics({name: store.name})).data.name, store.name);
  await assert.rejects(datasets.dicomStores.import({name: store.name, requestBody: {}}), /gcsSource.uri is missing/);
  await assert.rejects(datasets.dicomStores.export({name: store.name, requestBody: {color: "red"}}), /Unknown name "color"/);
  const {data: policy} = await datasets.setIamPolicy(
      {resource: name, requestBody: {policy: {bindings: [{role: "roles/viewer", members: ["allUsers"]}]}}});
  assert.deepEqual((await datasets.getIamPolicy({resource: name})).data, policy);
  await datasets.delete({name});
  await assert.rejects(datasets.get({name}), /was not found/);
}
console.log("ok    @googleapis/healthcare, v1 and v1beta1");
