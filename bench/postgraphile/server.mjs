// PostGraphile 5 over the product's tables: `node server.mjs PORT`. The same look-up of school and session as the product makes, the same role and row policies.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { postgraphile } from "postgraphile";
import pg from "pg";

const system = new pg.Pool({ connectionString: process.env.DATABASE_SYSTEM_URL, max: 4 });
const IDENTIFY = {
  name: "identify",
  text: `
    SELECT (SELECT tenant_id FROM domains WHERE host = $1) AS tenant_id, s.* FROM (SELECT 1) AS one LEFT JOIN LATERAL (
      SELECT t.tenant_id AS session_tenant_id, s.account_id, ARRAY(SELECT r.role FROM account_roles r WHERE r.tenant_id = a.tenant_id AND r.account_id = a.id) AS roles
      FROM session_tokens t JOIN sessions s ON s.tenant_id = t.tenant_id AND s.id = t.session_id JOIN accounts a ON a.tenant_id = s.tenant_id AND a.id = s.account_id
      WHERE t.token_hash = $2 AND t.kind = 'ACCESS' AND t.expires_at > $3 AND s.revoked_at IS NULL AND s.expires_at > $3 AND a.status = 'ACTIVE'
    ) AS s ON true`,
};

const preset = {
  extends: [PostGraphileAmberPreset],
  disablePlugins: ["PgIndexBehaviorsPlugin"], // it leaves out orders whose column does not lead an index: here the tenant does
  pgServices: [
    makePgService({ connectionString: process.env.DATABASE_URL, schemas: ["public"], poolConfig: { max: 10 } }),
  ],
  grafserv: { graphqlPath: "/graphql", graphiql: false, watch: false },
  grafast: {
    explain: false,
    async context(asked) {
      const { headers } = asked.node.req;
      const token = (headers.authorization ?? "").split(" ")[1];
      const hash = token ? createHash("sha256").update(token).digest() : null;
      const { rows } = await system.query({ ...IDENTIFY, values: [headers.host.split(":")[0], hash, new Date()] });
      if (!rows[0].tenant_id) throw new Error("no school answers here");
      return { pgSettings: { "app.tenant": rows[0].tenant_id, "app.account": rows[0].account_id ?? "" } };
    },
  },
};

const server = createServer();
await postgraphile(preset).createServ(grafserv).addTo(server);
server.listen(Number(process.argv[2]), "127.0.0.1");
