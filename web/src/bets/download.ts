/** Hands a text to the visitor as a file. */

export const json = (content: unknown) => JSON.stringify(content, null, 2);

export function download(name: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content]));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
