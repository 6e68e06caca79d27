"""The Healthcare API through google-api-python-client, which is built from the description that the server itself serves.

    healthcare_client.py URL
"""
import sys
import time
import urllib.request

import httplib2
from googleapiclient import discovery, errors

URL = sys.argv[1]


def built(version):
    with urllib.request.urlopen(f"{URL}/$discovery/rest?version={version}") as response:
        description = response.read()
    return discovery.build_from_document(description, http=httplib2.Http())


def done(operations, operation):
    while not operation.get("done"):
        time.sleep(0.05)
        operation = operations.get(name=operation["name"]).execute()
    return operation


for version in ("v1", "v1beta1"):
    locations = built(version).projects().locations()
    datasets = locations.datasets()
    stores = datasets.dicomStores()
    parent = "projects/p/locations/l"
    dataset = f"{parent}/datasets/py-{version}"
    made = datasets.create(parent=parent, datasetId=f"py-{version}", body={"timeZone": "UTC"}).execute()
    made = done(datasets.operations(), made)
    assert made["response"]["name"] == dataset, made
    assert datasets.get(name=dataset).execute() == {"name": dataset, "timeZone": "UTC"}
    for name in ("a", "b", "c"):
        stores.create(parent=dataset, dicomStoreId=name, body={"labels": {"ward": name}}).execute()
    found = []
    request = stores.list(parent=dataset, pageSize=2)
    while request is not None:
        answer = request.execute()
        found += [store["name"] for store in answer["dicomStores"]]
        request = stores.list_next(request, answer)
    assert found == [f"{dataset}/dicomStores/{name}" for name in "abc"], found
    store = found[0]
    assert stores.patch(name=store, updateMask="labels", body={"labels": {"ward": "7"}}).execute()["labels"] == {"ward": "7"}
    assert stores.getDICOMStoreMetrics(name=store).execute()["name"] == store
    table = {"bigqueryDestination": {"tableUri": f"bq://p.analysis.py_{version}", "writeDisposition": "WRITE_EMPTY"}}
    exported = done(datasets.operations(), stores.export(name=store, body=table).execute())
    assert exported["response"]["@type"] == "type.googleapis.com/google.protobuf.Empty", exported
    assert exported["metadata"]["@type"].endswith(f".{version}.OperationMetadata"), exported
    assert len(datasets.operations().list(name=dataset).execute()["operations"]) == 2
    policy = stores.getIamPolicy(resource=store).execute()
    policy["bindings"] = [{"role": "roles/healthcare.dicomViewer", "members": ["user:a@example.com"]}]
    policy = stores.setIamPolicy(resource=store, body={"policy": policy}).execute()
    assert stores.getIamPolicy(resource=store).execute() == policy
    try:
        stores.export(name=store, body={"bigqueryDestination": {"tableUri": "nowhere"}}).execute()
        raise AssertionError("a wrong tableUri was taken")
    except errors.HttpError as error:
        assert error.status_code == 400 and "tableUri" in error.reason, error
    stores.delete(name=store).execute()
    try:
        stores.get(name=store).execute()
        raise AssertionError("a deleted store is there")
    except errors.HttpError as error:
        assert error.status_code == 404, error
    datasets.delete(name=dataset).execute()
print("ok    google-api-python-client, v1 and v1beta1")
