"""Spark on our warehouse: a long test, run by tests/warehouse/engines_test.cc.

    ENGINES_FOLDER=BUILD_FOLDER/engines python spark_check.py WAREHOUSE PROJECT DATASET TABLE STEP...

Steps: `read` prints the rows as read_pyiceberg.py does, an empty line between two reads; `sql:STATEMENT` runs one, with @
for the table's name; `table:NAME` goes on with another table; `gzip` makes Spark write compressed metadata. Spark takes the
warehouse for a Hadoop catalog.
"""

import base64
import datetime
import glob
import json
import math
import os
import sys

from pyspark.sql import Row, SparkSession


def normalise(value):
    if isinstance(value, Row):
        return {key: normalise(item) for key, item in value.asDict(recursive=False).items()}
    if isinstance(value, dict):
        return {key: normalise(item) for key, item in value.items()}
    if isinstance(value, list):
        return [normalise(item) for item in value]
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(bytes(value)).decode("ascii")
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="microseconds") + "Z"
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value)


def open_spark(warehouse):
    jars = glob.glob(os.path.join(os.environ["ENGINES_FOLDER"], "jars", "*.jar"))
    os.environ["TZ"] = "UTC"
    return (
        SparkSession.builder.master("local[1]")
        .config("spark.jars", ",".join(os.path.abspath(jar) for jar in jars))
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.extensions", "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions")
        .config("spark.sql.catalog.dh", "org.apache.iceberg.spark.SparkCatalog")
        .config("spark.sql.catalog.dh.type", "hadoop")
        .config("spark.sql.catalog.dh.warehouse", warehouse)
        .getOrCreate()
    )


def main():
    warehouse, project, dataset, table, *steps = sys.argv[1:]
    name = f"dh.`{project}`.`{dataset}`.`{table}`"
    spark = open_spark(os.path.abspath(warehouse))
    spark.sparkContext.setLogLevel("ERROR")
    reads = 0
    for step in steps:
        if step == "read":
            if reads > 0:
                print()
            reads += 1
            for row in spark.table(name).collect():
                print(json.dumps(normalise(row), sort_keys=True, ensure_ascii=False, separators=(",", ":")))
        elif step.startswith("table:"):
            table = step[6:]
            name = f"dh.`{project}`.`{dataset}`.`{table}`"
        elif step == "gzip":
            spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ('write.metadata.compression-codec' = 'gzip')")
        elif step.startswith("sql:"):
            # Procedures take the table as a text, without the catalog's name.
            statement = step[4:].replace("'@'", f"'{project}.{dataset}.{table}'").replace("@", name)
            spark.sql(statement).collect()
        else:
            sys.exit(f"unknown step {step}")
    spark.stop()


main()
