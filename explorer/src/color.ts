/** The school's color, made readable on light and on dark ground. */

const OWN = '#1f3a5f';

/** `--school-light` and `--school-dark`: hue, saturation and lightness, as GraphiQL's own colors are written. */
export function shades(color: string | undefined): Record<string, string> {
  const [hue, saturation, lightness] = hsl(/^#[0-9a-f]{6}$/i.test(color ?? '') ? color! : OWN);
  const shade = (least: number, most: number) => `${hue}, ${saturation}%, ${Math.min(Math.max(lightness, least), most)}%`;
  return { '--school-light': shade(20, 38), '--school-dark': shade(62, 78) };
}

function hsl(color: string): [number, number, number] {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255) as [number, number, number];
  const most = Math.max(red, green, blue);
  const spread = most - Math.min(red, green, blue);
  const lightness = most - spread / 2;
  const side = most === red ? (green - blue) / spread : most === green ? 2 + (blue - red) / spread : 4 + (red - green) / spread;
  return [
    spread ? Math.round(side * 60 + 360) % 360 : 0,
    spread ? Math.round((spread / (1 - Math.abs(2 * lightness - 1))) * 100) : 0,
    Math.round(lightness * 100),
  ];
}
