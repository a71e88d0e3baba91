# %% [markdown]
# # A mean over many files, on a Dask cluster
# Every file is read by a worker, from the object store; only sums travel. The scheduler is the one
# that DASK_SCHEDULER_ADDRESS names, without it a cluster in this process. The store is found by
# AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, which are handed to the workers.

# %%
import os

import dask
import pandas as pd
import s3fs
from dask.distributed import Client

bucket = os.environ.get("EXAMPLES_BUCKET", "examples")
storage = {
    "endpoint_url": os.environ["AWS_ENDPOINT_URL_S3"],
    "key": os.environ["AWS_ACCESS_KEY_ID"],
    "secret": os.environ["AWS_SECRET_ACCESS_KEY"],
}

# %%
address = os.environ.get("DASK_SCHEDULER_ADDRESS")
client = Client(address) if address else Client(processes=False, dashboard_address=None)
print(f"scheduler {client.scheduler.address}, {len(client.scheduler_info()['workers'])} workers")

# %%
files = sorted(s3fs.S3FileSystem(**storage).glob(f"{bucket}/csv/stations-*.csv"))


@dask.delayed
def sums(path):
    table = pd.read_csv(f"s3://{path}", storage_options=storage)
    return table.groupby("station")["temperature"].agg(["sum", "count"])


# %%
parts = dask.compute(*[sums(path) for path in files])
total = pd.concat(parts).groupby(level=0).sum()
means = (total["sum"] / total["count"]).round(2)
print(means.to_string())
client.close()
assert len(means) == 5 and means["Darss"] < means["Eifel"]
