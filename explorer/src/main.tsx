import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import './style.css';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { start } from './identity';

await start();
createRoot(document.getElementById('root')!).render(<App />);
