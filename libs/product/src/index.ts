export { productSlices } from './slices.js';
