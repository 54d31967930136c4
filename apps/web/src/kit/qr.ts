/** The most pixels a side that a picture is searched with: first finely, then more coarsely, which blurs what disturbs. */
const sides = [1600, 800, 400];

/** The dark cells of the code for a text as the path of a drawing, in a square of `size` that has the quiet zone. */
export async function qrPath(text: string): Promise<{ path: string; size: number }> {
  const { encode } = await import('uqr');
  const { data, size } = encode(text, { ecc: 'M', border: 4 });
  const runs = data.flatMap((line, y) => darkRuns(line).map(([x, width]) => `M${x} ${y}h${width}v1h-${width}z`));
  return { path: runs.join(''), size };
}

function darkRuns(line: boolean[]): [start: number, width: number][] {
  const runs: [number, number][] = [];
  line.forEach((dark, x) => {
    const last = runs.at(-1);
    if (!dark) return;
    if (last && last[0] + last[1] === x) last[1] += 1;
    else runs.push([x, 1]);
  });
  return runs;
}

/** What the code in a picture says; null where none is found. */
export async function readQr(image: ImageData): Promise<string | null> {
  const { default: jsQR } = await import('jsqr');
  return jsQR(image.data, image.width, image.height)?.data || null;
}

/** Reads a code from a file, which may be no picture at all: then it says none either. */
export async function readQrFile(file: Blob): Promise<string | null> {
  const picture = await createImageBitmap(file).catch(() => null);
  if (!picture) return null;
  try {
    for (const scale of scales(Math.max(picture.width, picture.height))) {
      const image = pixels(picture, scale);
      const text = image && (await readQr(image));
      if (text) return text;
    }
    return null;
  } finally {
    picture.close();
  }
}

/** By how much a picture is made smaller for each try. */
export function scales(longest: number): number[] {
  return [...new Set(sides.map((side) => Math.min(1, side / longest)))];
}

function pixels(picture: ImageBitmap, scale: number): ImageData | null {
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) return null;
  // What is transparent counts as paper.
  context.fillStyle = 'white';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
