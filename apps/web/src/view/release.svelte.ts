// Whether a newer release waits, and whether the person of this tab asked for it.

class Release {
  waits = $state(false);
  wanted = false;
  /** Has the release that waits take over; set once the page is watched. */
  let: () => void = () => undefined;

  activate = (): void => {
    this.wanted = true;
    this.let();
  };
}

export const release = new Release();
