'use strict';
const search = document.getElementById('search');
const count = document.getElementById('count');
const nothing = document.getElementById('nothing');
const textOf = (element) => `${element.dataset.search} ${element.querySelector('summary, p')?.textContent}`.toLowerCase();
const items = [...document.querySelectorAll('.item')].map((element) => [element, textOf(element)]);
const groups = [...document.querySelectorAll('.group')];

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const [element, text] of items) {
    element.hidden = !words.every((word) => text.includes(word));
    if (!element.hidden) found += 1;
  }
  for (const group of groups) group.hidden = !group.querySelector('.item:not([hidden])');
  count.textContent = words.length ? `${found} of ${items.length}` : '';
  nothing.hidden = found > 0;
  if (words.length) scrollTo(0, 0);
}

function show() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.closest('[hidden]')) { search.value = ''; filter(); }
  if (target instanceof HTMLDetailsElement) target.open = true;
  target.scrollIntoView();
}

search.addEventListener('input', filter);
addEventListener('hashchange', show);
addEventListener('keydown', (event) => {
  if (event.key === '/' && document.activeElement !== search) { event.preventDefault(); search.focus(); }
  if (event.key === 'Escape' && document.activeElement === search) { search.value = ''; filter(); search.blur(); }
});
show();
