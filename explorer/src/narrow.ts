/** A screen on which the panes take turns; `style.css` draws the same line. */
export const NARROW = matchMedia('(max-width: 760px)');
