// What one prefers, kept by the browser. A browser that refuses to keep it forgets it on reload.

export function kept(name: string): string | null {
  try {
    return localStorage.getItem(`mesh.${name}`);
  } catch {
    return null;
  }
}

export function keep(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`mesh.${name}`);
    else localStorage.setItem(`mesh.${name}`, value);
  } catch {
    // Storage is off or full; the choice holds for this page.
  }
}
