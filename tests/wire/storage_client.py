"""Python's google-cloud-storage against the server of STORAGE_EMULATOR_HOST."""
import io

from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

client = storage.Client(project="p", credentials=AnonymousCredentials())
bucket = client.create_bucket("python-bucket")
assert [one.name for one in client.list_buckets() if one.name == "python-bucket"] == ["python-bucket"]
assert client.bucket("python-bucket").exists() and not client.bucket("no-such-bucket").exists()

blob = bucket.blob("a b/ü.txt")
blob.metadata = {"k": "v"}
blob.upload_from_string("contents", content_type="text/plain", checksum="crc32c")
assert bucket.get_blob("a b/ü.txt").metadata == {"k": "v"}
assert blob.download_as_bytes() == b"contents"
assert blob.download_as_bytes(start=2, end=4) == b"nte"
assert blob.size == 8 and blob.content_type == "text/plain" and blob.time_created is not None

large = bytes(range(256)) * 8192
pieces = bucket.blob("pieces", chunk_size=256 * 1024)
pieces.upload_from_file(io.BytesIO(large), size=len(large), checksum="md5")
assert pieces.download_as_bytes() == large
unknown = bucket.blob("unknown", chunk_size=256 * 1024)
with unknown.open("wb") as stream:
    stream.write(large)
assert unknown.download_as_bytes(checksum="crc32c") == large

assert [one.name for one in client.list_blobs(bucket, page_size=1)] == ["a b/ü.txt", "pieces", "unknown"]
listing = client.list_blobs(bucket, delimiter="/")
assert [one.name for one in listing] == ["pieces", "unknown"] and listing.prefixes == {"a b/"}

copy = bucket.copy_blob(blob, bucket, "copy")
assert copy.download_as_bytes() == b"contents"
rewritten = bucket.blob("rewritten")
assert rewritten.rewrite(copy)[0] is None and rewritten.download_as_bytes() == b"contents"
joined = bucket.blob("joined")
joined.compose([copy, rewritten])
assert joined.download_as_bytes() == b"contents" * 2

try:
    bucket.blob("copy").upload_from_string("other", if_generation_match=0)
    raise AssertionError("a condition was passed over")
except exceptions.PreconditionFailed:
    pass
copy.metadata = {"new": "1"}
copy.patch()
assert bucket.get_blob("copy").metadata == {"k": "v", "new": "1"}  # a patch merges
try:
    bucket.blob("none").download_as_bytes()
    raise AssertionError("what is not there was read")
except exceptions.NotFound:
    pass
bucket.delete(force=True)
assert not bucket.exists()
