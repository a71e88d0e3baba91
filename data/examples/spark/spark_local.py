# %% [markdown]
# # SQL over CSV files with Spark
# Spark runs in this process (`local[*]`), so the notebook's pod is all it needs: pyspark and a Java
# runtime. The files are fetched from the object store with s3fs, so that no Hadoop libraries for S3
# have to be installed; AWS_ENDPOINT_URL_S3 and the keys are in the environment. With a folder as its argument it reads that one instead.

# %%
import os
import sys
import tempfile

from pyspark.sql import SparkSession

bucket = os.environ.get("EXAMPLES_BUCKET", "examples")
folder = sys.argv[1] if len(sys.argv) == 2 and os.path.isdir(sys.argv[1]) else None

# %%
if folder is None:
    import s3fs

    folder = tempfile.mkdtemp()
    lake = s3fs.S3FileSystem()
    for path in lake.glob(f"{bucket}/csv/stations-*.csv"):
        lake.get(path, os.path.join(folder, os.path.basename(path)))

# %%
spark = SparkSession.builder.master("local[*]").appName("stations").getOrCreate()
stations = spark.read.csv(os.path.join(folder, "*.csv"), header=True, inferSchema=True)
stations.createOrReplaceTempView("stations")

# %%
wettest = spark.sql("""
    select station, round(sum(rain), 1) as rain, count(*) as days
    from stations group by station order by rain desc
""").collect()
for row in wettest:
    print(f"{row.station:10} {row.rain:6} mm on {row.days} days")
spark.stop()
assert sum(row.days for row in wettest) == 360
