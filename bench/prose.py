"""What the page of the docs says about the figures."""

INTRODUCTION = """# Benchmarks

What the product does on one machine, as ratios in one run: absolute figures depend on the machine, ratios far less. Run it again with

<!-- not run: it takes forty minutes; tests/bench holds the answers against each other -->

```sh
.venv/bin/python -m bench                       # all of it, about forty minutes
.venv/bin/python -m bench pages typename        # some of it
.venv/bin/python -m bench --quick               # whether it runs
.venv/bin/python -m bench page                  # this page, from the results
```

The first run fetches PostGraphile from npm. Everything else is in the development environment. Each run makes its school, which takes two minutes. Let nothing else run meanwhile.
"""

COMPARED = """## What is compared

All servers are one process each, on the same embedded PostgreSQL with its usual safety, asked in turn by one process with 16 keep-alive connections: a round of one, a round of the next, and so on,
so that a busy moment of the machine meets all of them. Ratios are taken round by round. The school has 2,000 published courses with 90,000 lectures, and 100,000 learners with a run and ten rows of
progress each. Courses' pages are asked for by somebody who is signed in and has no run, runs by their learners, each with their own token. In each comparator a request begins with the same
look-up of school and session as the system role, and reads as the application role under the row policies.

**What the product keeps.** A published version never changes, so a process of the product keeps outlines of versions and their texts, up to 48 MB and 16 MB: the outlines of some five hundred of these courses, and the
texts of all. The comparators keep nothing but plans and parsed documents. With the pages of 200 courses in turn, and with the runs of 200 learners, the product therefore does not read outlines from PostgreSQL,
which all the others do; with the pages of all 2,000 in turn it reads them anew almost each time, and does the same work but for the texts. Anew each time it decides whether the page is there and what is open, and
reads everything that can change.

* **One SQL statement behind Starlette** is the limit: `bench/sql` builds the whole answer as JSON, with the same ids and signed cursors. It knows three operations and no GraphQL. Its answers are equal
  to the product's, to what is missing and to another's run too, which is checked before each run and in `tests/bench`.
* **Stock Strawberry** has the same schema for these operations, as the documentation teaches it: an async resolver per relation, a DataLoader per kind of row, caches of parsing and validation. Its answers are
  checked in the same way.
* **PostGraphile 5** asks the same tables through its own schema, with what its users add in the database: computed columns for sums, a function for facets, a foreign key for sections and lectures. Its answers are
  alike, not equal: no decisions about access (it gives the runs and `isPreview` instead, and with a run its grant), its own ids and cursors, file ids in place of addresses, no `resume` on CoursePage, and on Learn what
  was seen as a list beside the lectures, from which a client would make percentages. The lectures and the courses it shows are checked.

**Held answers** are compared apart, for visitors: `access` and `viewerEnrollment` depend on who asks, so the page is asked without them. PostGraphile holds no answers.

`Learn` is asked without `requirements` and `certificate`, which PostGraphile could not give in one operation.

Not compared: other machines, networks, more than one process, caches before the server, writes but for progress.

Progress is held against **one upsert behind Starlette**: it asks who it is and whose run it is, joins the range to what was seen, and answers after the commit. It numbers no events, asks no grant, keeps no record of
what was sent, finishes no lecture and tells nobody.

The statements of each operation are explained in a process that has kept nothing, as the role that asks, in its transaction and under the row policies, once with their values and once as PostgreSQL plans them for all values.
A plan is on indexes when it reads none of the tables that grow with learners from end to end, nor by an index all that the school has in it.

PostgreSQL's own work is taken from `pg_stat_statements` under load; the other shares are taken in a process that calls the application without a socket, one request after another.
Certificates go from finished runs through relay and jobs to PDFs in the object store. Live frames are counted from the moment the mutation is sent: its transaction, the relay and Redis are in them.
The client of all sockets is one Python process on the same machine, which is in the figures of both.
"""
