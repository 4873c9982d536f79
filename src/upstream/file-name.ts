/** A name for wires that demand one: the user's own, or one that tells the type. */
export function fileName(part: { mediaType: string; name?: string | undefined }): string {
  if (part.name !== undefined && part.name !== '') return part.name;
  const extension = /^[\w.+-]+\/([\w-]+)$/.exec(part.mediaType)?.[1];
  return extension === undefined ? 'file' : `file.${extension === 'plain' ? 'txt' : extension}`;
}
