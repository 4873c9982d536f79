import { Cluster, type Redis } from 'ioredis';

/**
 * Commands that are given within one tick go to the kernel together: answers come many at once, and what follows from them would be
 * a system call each. Nothing is reordered, waits for anything, or is sent that was not before, unlike with the pipelines that
 * ioredis can make of commands by itself.
 */
export function gatherWrites(connection: Redis | Cluster): void {
  if (connection instanceof Cluster) connection.on('+node', gatherOf);
  else gatherOf(connection);
}

function gatherOf(connection: Redis): void {
  connection.on('connect', () => {
    const socket = connection.stream;
    const write = socket.write.bind(socket) as (...parts: unknown[]) => boolean;
    let isGathering = false;
    const release = (): void => {
      isGathering = false;
      socket.uncork();
    };
    socket.write = (...parts: unknown[]) => {
      if (!isGathering) {
        isGathering = true;
        socket.cork();
        process.nextTick(release);
      }
      return write(...parts);
    };
  });
}
