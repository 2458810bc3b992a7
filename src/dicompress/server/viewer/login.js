// The token is exchanged for a cookie that scripts cannot read; then on to the page that was asked for.
(() => {
  const says = document.getElementById('says');
  document.getElementById('login').addEventListener('submit', async event => {
    event.preventDefault();
    says.textContent = '';
    try {
      const token = document.getElementById('token').value;
      const answer = await fetch('/dicompress/login', { method: 'POST', headers: { Authorization: `Bearer ${token}` } });
      if (answer.ok) {
        const next = new URL(new URLSearchParams(location.search).get('next') ?? '/', location.origin);
        location.replace(next.origin === location.origin ? next.pathname + next.search : '/');
        return;
      }
      says.textContent = answer.status === 401 ? 'That is not the token.' : `The gateway answers ${answer.status}.`;
    } catch {
      says.textContent = 'The gateway does not answer.';
    }
  });
})();
