/** Elements made in code. Data only ever becomes text: there is no way from here to `innerHTML`. */

/**
 * `h('a', { class: 'link', href: '#/x', on: { click } }, 'text', child, [more])`. Attributes that are undefined, null
 * or false are left out, true is an empty one; so are children that are undefined, null or false.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'on') for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  append(element, children);
  return element;
}

export function append(element, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child);
  }
}

export const replace = (element, ...children) => {
  element.replaceChildren();
  append(element, children);
};

const SVG = 'http://www.w3.org/2000/svg';

/** Of `icons.svg`; for the eye only, the text beside it says the same. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `/console/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

export const pill = (text, tone) => h('span', { class: `pill${tone ? ` tone-${tone}` : ''}` }, text);

/** Tells those who do not see the page what changed on it. */
export function announce(text) {
  const announcer = document.getElementById('announcer');
  if (announcer) announcer.textContent = text;
}

/** A command for the shell with a button that copies it. */
export function shellExample(command) {
  const button = h('button', { class: 'button small copy', type: 'button' }, icon('copy'), 'Copy');
  button.addEventListener('click', () => {
    navigator.clipboard.writeText(command).then(
      () => {
        button.lastChild.textContent = 'Copied';
        announce('Copied');
      },
      () => announce('The browser did not allow copying; select the text instead'),
    );
  });
  return h(
    'div',
    { class: 'shell' },
    h('pre', { tabindex: '0', 'aria-label': 'Command' }, h('code', {}, command)),
    button,
  );
}
