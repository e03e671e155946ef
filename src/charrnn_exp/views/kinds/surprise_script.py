"""The script and the style of the view `surprise`: which character is pointed at, and its guesses beside the text."""

PAGE_STYLE = """
.reader { display: grid; grid-template-columns: minmax(0, 1fr) 19rem; gap: 1rem; align-items: start; }
.prose i { cursor: pointer; } .prose i.at { outline: 2px solid var(--accent); outline-offset: 1px; border-radius: 2px; }
.prose:focus-visible i.at { outline-width: 3px; }
.panel { position: sticky; top: .5rem; min-height: 13rem; padding: .6rem; border: 1px solid var(--line);
  border-radius: 6px; background: var(--panel); }
.panel h2 { font-size: 1rem; margin: 0 0 .3rem; } .panel table { font-size: .9rem; } .panel td, .panel th {
  padding: .1rem .4rem; } .panel td:first-child, .panel th:first-child { text-align: left; }
.panel tr.hit td { font-weight: 700; } .panel table + p { margin-top: .6rem; }
.worst { padding-left: 2.2rem; } .worst li { margin: .25rem 0; } .worst code { white-space: pre-wrap; }
mark { background: var(--accent); color: var(--bg); padding: 0 .15em; border-radius: 2px; }
@media (max-width: 900px) { .reader { grid-template-columns: minmax(0, 1fr); }
  .panel { bottom: 0; top: auto; min-height: 11rem; max-height: 45vh; overflow: auto; } }
"""
SCRIPT = """
const text = document.getElementById('text'), panel = document.getElementById('panel');
const places = [...text.querySelectorAll('i')];
const names = ['names0', 'names1'].map(id => document.getElementById(id)).filter(Boolean)
  .map(list => [...list.children].map(item => item.textContent));
let at = -1;
const make = (kind, words, inside) => {
  const made = document.createElement(kind); made.textContent = words; inside.append(made); return made;
};
const show = (place, scrolls) => {
  if (place < 0 || place >= places.length) return;
  if (at >= 0) places[at].classList.remove('at');
  at = place;
  const spot = places[at], losses = spot.dataset.l.split(' ');
  spot.classList.add('at');
  if (scrolls) spot.scrollIntoView({ block: 'nearest' });
  panel.textContent = '';
  spot.dataset.g.split('|').forEach((all, run) => {
    const who = names.length > 1 ? 'AB'[run] + ': ' : '';
    const shown = spot.textContent.trim() || spot.textContent;
    make('p', who + 'loss of ' + (shown === ' ' ? 'space' : shown === '\\t' ? 'tab' : shown) +
      ' ' + Number(losses[run]).toFixed(2) + ' nats, probability ' +
      (100 * Math.exp(-losses[run])).toPrecision(3) + ' %', panel);
    const table = make('table', '', panel), head = make('tr', '', make('thead', '', table));
    for (const name of ['guess', '%']) make('th', name, head).scope = 'col';
    const body = make('tbody', '', table);
    for (const pair of all.split(' ')) {
      const [symbol, percent] = pair.split(':'), row = make('tr', '', body);
      make('td', names[run][symbol], row); make('td', percent, row);
    }
  });
};
const find = event => places.indexOf(event.target.closest('i'));
let mouse = '';
const locate = event => event.screenX + ',' + event.screenY;
text.addEventListener('pointerover', event => {  // a text that scrolls below a mouse at rest moves nothing
  if (event.pointerType === 'mouse' && locate(event) !== mouse) show(find(event), false);
});
addEventListener('pointermove', event => { mouse = locate(event); });
text.addEventListener('click', event => show(find(event), false));
text.addEventListener('focus', () => { if (at < 0) show(0, true); });
const goLine = step => {
  const from = places[Math.max(0, at)].getBoundingClientRect();
  for (let next = at + step, best = -1, top = null; ; next += step) {
    const box = places[next] && places[next].getBoundingClientRect();
    if (!box || (top !== null && Math.abs(box.top - top) > 2)) return best;
    if (Math.abs(box.top - from.top) <= 2) continue;
    top = box.top;
    if (best < 0 || Math.abs(box.left - from.left) <
      Math.abs(places[best].getBoundingClientRect().left - from.left)) best = next;
  }
};
text.addEventListener('keydown', event => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const go = { ArrowRight: () => at + 1, ArrowLeft: () => at - 1, ArrowDown: () => goLine(1),
    ArrowUp: () => goLine(-1), Home: () => 0, End: () => places.length - 1 }[event.key];
  if (go) { event.preventDefault(); show(go(), true); }
});
const follow = () => {
  const spot = document.getElementById(location.hash.slice(1)), place = places.indexOf(spot);
  if (place >= 0) { text.focus({ preventScroll: true }); show(place, false); spot.scrollIntoView({ block: 'center' }); }
};
addEventListener('hashchange', follow);
for (const link of document.querySelectorAll('.worst a')) link.addEventListener('click', () => setTimeout(follow));
follow();
"""
