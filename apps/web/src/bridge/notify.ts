// Notifications of the system.

export interface Notice {
  title: string;
  body: string;
  /** A later notice with the same tag takes the place of this one. */
  tag: string;
}

/** Whether notices may be shown; asks the person where the browser has not yet. */
export async function allowNotices(): Promise<boolean> {
  if (typeof Notification === 'undefined') return false;
  return (await Notification.requestPermission()) === 'granted';
}

export async function showNotice(notice: Notice, onOpen: () => void): Promise<void> {
  if (typeof Notification === 'undefined' || Notification.permission !== 'granted') return;
  const { title, body, tag } = notice;
  try {
    const shown = new Notification(title, { body, tag, icon: '/icon-192.png' });
    shown.onclick = () => {
      window.focus();
      shown.close();
      onOpen();
    };
  } catch {
    // Phones show notices through the service worker only.
    const registration = await navigator.serviceWorker?.getRegistration();
    await registration?.showNotification(title, { body, tag, icon: '/icon-192.png', data: tag });
  }
}
