"""Submits an experiment with StudioML's own client, or reads what came back of it.

studioml_client.py submit CONFIG.json FOLDER QUEUE   prints the key of the experiment
studioml_client.py result CONFIG.json KEY            prints the file that the experiment returned
"""

import json
import logging
import os
import sys

from studio.db_providers import db_provider_setup
from studio.experiment_submitter import submit_experiments
from studio.experiments.experiment import Experiment
from studio.queues.queues_setup import get_queue, shutdown_queue

logger = logging.getLogger('client')


def submit(config, folder, queue_name):
    # Artifacts look for their store when they are made.
    db_provider_setup.get_db_provider(config)
    key = 'client-' + str(os.getpid())
    artifacts = {
        'workspace': {'mutable': False, 'unpack': True, 'local': folder},
        'output': {'mutable': True, 'unpack': True},
        'retval': {'mutable': True, 'unpack': True},
        '_metadata': {'mutable': True, 'unpack': True},
    }
    needed = {'cpus': 1, 'ram': '300mb', 'hdd': '200mb', 'gpus': 0}
    experiment = Experiment(key, 'main.py', ["it's", 'two words'], [], project='client', artifacts=artifacts,
                            resources_needed=needed, max_duration='10m')
    queue = get_queue(queue_name, config=config, logger=logger)
    submit_experiments([experiment], config=config, logger=logger, queue=queue)
    shutdown_queue(queue, logger, delete_queue=False)
    print(key)


def result(config, key):
    with db_provider_setup.get_db_provider(config) as db:
        experiment = db.get_experiment(key)
        path = experiment.artifacts['retval'].download(only_newer=False)
    with open(os.path.join(path, 'answer')) as answer:
        print(answer.read())


def main():
    command, file, *rest = sys.argv[1:]
    with open(file) as opened:
        config = json.load(opened)
    {'submit': submit, 'result': result}[command](config, *rest)
    sys.stdout.flush()
    # Threads of its queue would keep it.
    os._exit(0)


main()
