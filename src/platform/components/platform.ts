/** Go's names of the system we run on, as releases and `go build` use them. */
export interface Platform {
  os: string;
  arch: string;
}

const ARCHITECTURES: Record<string, string> = {
  x64: 'amd64',
  arm64: 'arm64',
  ppc64: 'ppc64le',
  s390x: 's390x',
};

export function currentPlatform(): Platform {
  return { os: process.platform, arch: ARCHITECTURES[process.arch] ?? process.arch };
}

/** Fills `{name}` in a template. An unknown name stays as it is. */
export function fillTemplate(template: string, values: Record<string, string>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? (values[name] ?? whole) : whole,
  );
}
