/**
 * Polls until the check passes; for what controllers do in their own time.
 *
 * @param seconds after which the last failure is the result.
 */
export async function eventually<T>(check: () => Promise<T>, seconds = 60): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  }
}
