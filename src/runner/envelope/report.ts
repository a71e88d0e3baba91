/** What a runner has to say while an experiment runs: `report.proto` of studio-go-runner in protobuf's JSON. */
export interface Report {
  /** RFC 3339. */
  time: string;
  experimentId: string;
  uniqueId: string;
  executorId: string;
  progress: { time: string; state: State; error?: { msg: string; code: number } };
}

/** In the protocol 0, 1, 2, 20 and 21. */
export type State = 'Prestart' | 'Started' | 'Stopping' | 'Failed' | 'Success';

export interface About {
  /** Key of the experiment. */
  experiment: string;
  /** Of this attempt. */
  id: string;
  host: string;
}

export function progressReport({ experiment, id, host }: About, state: State, error?: string): Report {
  const time = new Date().toISOString();
  return {
    time,
    experimentId: experiment,
    uniqueId: id,
    executorId: host,
    progress: { time, state, ...(error === undefined ? {} : { error: { msg: error, code: 1 } }) },
  };
}
