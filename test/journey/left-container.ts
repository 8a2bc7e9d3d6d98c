import type Docker from 'dockerode';
import { containerName, jobTag, tagLabel } from '../../src/docker/container/container.js';
import { identityOf } from '../../src/docker/identity.js';
import { image } from './stint-on-rig.js';

/** Makes a container such as a job of the installation with this key leaves. Returns its id. */
export async function leaveContainer(docker: Docker, key: Buffer, jobId: string): Promise<string> {
  const identity = identityOf(key);
  const claim = { jobId, fence: 999 };
  const labels = {
    'stint.job': jobId,
    'stint.fence': '999',
    'stint.node': 'gone',
    'stint.installation': identity.installation,
    [tagLabel]: jobTag(identity, claim),
  };
  const name = containerName(identity, claim);
  return (await docker.createContainer({ name, Image: image, Cmd: ['true'], Labels: labels })).id;
}

export async function containerExists(docker: Docker, id: string): Promise<boolean> {
  return docker
    .getContainer(id)
    .inspect()
    .then(
      () => true,
      () => false,
    );
}
