// The first page: studies, the newest first. All text is set as text, never as HTML.
(() => {
  const STATES = {
    raw: 'as it came', proved: 'compressed and proved; the raw form goes next', compressed: 'compressed; proved to come back as it came',
  };
  const $ = id => document.getElementById(id);
  const [rows, says, more, search] = [$('studies'), $('says'), $('more'), $('search')];
  let offset = 0, asked = 0;

  function size(bytes) {
    const units = ['B', 'kB', 'MB', 'GB', 'TB'];
    let n = bytes, unit = 0;
    while (n >= 999.5 && unit < units.length - 1) {
      n /= 1000;
      unit += 1;
    }
    return `${unit && n < 9.95 ? n.toFixed(1) : Math.round(n)} ${units[unit]}`;
  }

  const date = text => (/^\d{8}$/.test(text ?? '') ? `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}` : text ?? '');
  // PS3.5 6.2: family^given^middle^prefix^suffix; alphabetic=ideographic=phonetic
  const name = text => (text ?? '').split('=').find(Boolean)?.split('^').filter(Boolean).join(', ') || '(no name)';
  const count = (number, one) => `${number.toLocaleString('en')} ${number === 1 ? one : one + (one.endsWith('s') ? '' : 's')}`;

  function row(study, viewer) {
    const part = $('row').content.cloneNode(true);
    const set = (field, text) => { part.querySelector(`[data-${field}]`).textContent = text; };
    const uid = encodeURIComponent(study.StudyInstanceUID);
    for (const link of part.querySelectorAll('[data-link]')) {
      link.href = viewer ? `/viewer?StudyInstanceUIDs=${uid}` : '/viewer';
    }
    const picture = part.querySelector('img');
    picture.addEventListener('error', () => { picture.style.visibility = 'hidden'; });
    picture.src = `/studies/${uid}/thumbnail?viewport=192,192`;
    set('name', name(study.PatientName));
    set('id', study.PatientID ?? '');
    set('date', date(study.StudyDate));
    set('kinds', study.modalities.join(' '));
    set('description', study.StudyDescription ?? '');
    set('objects', study.objects.toLocaleString('en'));
    set('series', count(study.series, 'series'));
    set('arrived', size(study.arrived_bytes));
    set('stored', size(study.stored_bytes));
    set('share', study.arrived_bytes ? `${Math.round((100 * study.stored_bytes) / study.arrived_bytes)} %` : '');
    const states = part.querySelector('[data-states]');
    const kinds = Object.keys(study.states);
    for (const state of Object.keys(STATES).filter(one => one in study.states)) {
      states.append(badge(state, kinds.length > 1 ? `${state} ${study.states[state].toLocaleString('en')}` : state, STATES[state]));
    }
    if (study.near) {
      states.append(badge('near', `within a bound ${study.near}`, 'a rule allowed an error: these images say Lossy Image Compression 01'));
    }
    return part;
  }

  function badge(kind, text, title) {
    const made = document.createElement('span');
    made.className = `state ${kind}`;
    made.textContent = text;
    made.title = title;
    return made;
  }

  async function load(from) {
    const mine = ++asked, wanted = search.value.trim();
    try {
      const answer = await fetch(`/dicompress/list?search=${encodeURIComponent(wanted)}&offset=${from}`);
      if (answer.status === 401) {
        location.assign('/login');
        return;
      }
      if (!answer.ok) {
        throw new Error(`the gateway answers ${answer.status}`);
      }
      const found = await answer.json();
      if (mine !== asked) {
        return; // another search was begun
      }
      if (!from) {
        rows.replaceChildren();
      }
      rows.append(...found.studies.map(study => row(study, found.viewer)));
      offset = from + found.studies.length;
      more.hidden = !found.more;
      $('install').hidden = found.viewer;
      $('leave').hidden = !found.token;
      document.querySelector('table').hidden = !offset;
      says.textContent = offset ? '' : wanted ? 'No study is like that.' : 'The store is empty: what modalities send appears here.';
      says.hidden = Boolean(offset);
    } catch (error) {
      says.hidden = false;
      says.textContent = `The list cannot be had: ${error.message}`;
    }
  }

  let waiting;
  search.addEventListener('input', () => {
    clearTimeout(waiting);
    waiting = setTimeout(load, 250, 0);
  });
  $('searching').addEventListener('submit', event => {
    event.preventDefault();
    load(0);
  });
  more.addEventListener('click', () => load(offset));
  load(0);
})();
