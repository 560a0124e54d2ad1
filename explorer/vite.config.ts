import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  // lms_graph/web/explorer.py serves the page there, and its files under assets/.
  base: '/graphql/',
  plugins: [react()],
  worker: { format: 'es' },
  build: {
    license: { fileName: 'licenses.md' },
    chunkSizeWarningLimit: 5_000, // Monaco is one big piece by nature, and is kept by browsers for a year
  },
});
