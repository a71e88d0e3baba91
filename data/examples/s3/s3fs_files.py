# %% [markdown]
# # Objects in the lake, as files
# With s3fs the object store looks like a file system, to pandas and dask too. It finds the store by
# the environment: AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.

# %%
import os

import pandas as pd
import s3fs

bucket = os.environ.get("EXAMPLES_BUCKET", "examples")
lake = s3fs.S3FileSystem()

# %%
for folder in lake.ls(bucket):
    print(folder)

# %%
tables = []
for path in sorted(lake.glob(f"{bucket}/csv/stations-*.csv")):
    with lake.open(path) as file:
        tables.append(pd.read_csv(file, parse_dates=["date"]))
stations = pd.concat(tables)
print(stations.groupby(stations["date"].dt.year)[["temperature", "rain"]].mean().round(2).to_string())
assert len(stations) == 360
