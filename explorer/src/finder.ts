/**
 * Fills the variables of examples. A text such as `@course.slug` stands for something that only the school knows, or that must be new each time:
 * it is asked for when the example is opened.
 */

import { ask } from './api';
import * as identity from './identity';
import { settings } from './settings';

interface Course {
  id: string;
  slug: string;
  sections: { lectures: Lecture[] }[];
  instructors: { instructor: { slug: string } }[];
}

interface Lecture {
  id: string;
  contentType: string;
  isPreview: boolean;
}

interface Sitting {
  id: string;
  questions: { id: string; options?: { id: string }[] }[];
}

interface Found {
  featured: { nodes: Course[] };
  open: { nodes: Course[] };
  viewer: {
    enrollments: { nodes: { id: string; sections: { lectures: Lecture[] }[] }[] };
    certificates: { nodes: { code: string }[] };
  } | null;
}

const FIND = `
  query Find {
    featured: courses(first: 5, where: { isFeatured: { eq: true }, enrollmentPolicy: { in: [OPEN] } }) { nodes { ...Outline } }
    open: courses(first: 1) { nodes { ...Outline } }
    viewer {
      enrollments(first: 1) { nodes { id sections { lectures { id contentType isPreview } } } }
      certificates(first: 1) { nodes { code } }
    }
  }
  fragment Outline on Course {
    id
    slug
    sections { lectures { id contentType isPreview } }
    instructors { instructor { slug } }
  }
`;

/** What to do first, where something is not there yet. */
const FIRST: Record<string, string> = {
  course: 'This school has no published course that fits. Fill in one of your own.',
  run: 'Sign in as a student, then run “Enroll in a course”. Or fill in an id of your own.',
  attempt: 'Run “Start a quiz” first. Or fill in an id of your own.',
  demo: 'Fill in the e-mail address and the password of an account.',
  certificate: 'There is no certificate of yours yet: fill in the code of one.',
};

// An attempt can be read by its id only, and its id is told when it starts: so the last one that was answered here is remembered.
let sitting: Sitting | null = null;

export function seen(result: unknown): void {
  const data = (result as { data?: { attemptStart?: { attempt?: Sitting | null } | null; attempt?: Sitting | null } | null }).data;
  const attempt = data?.attemptStart?.attempt ?? data?.attempt;
  if (attempt?.id && attempt.questions) sitting = attempt;
}

/** The variables with everything filled in that can be; what is missing is empty, and `first` says how to get it. */
export async function fill(variables: unknown): Promise<{ variables: unknown; first: string[] }> {
  const wanted = JSON.stringify(variables ?? {});
  const known = { ...fresh(), ...(/"@(course|run|certificate)\./.test(wanted) ? await find() : {}), ...attempt() };
  const first = new Set<string>();
  const filled = JSON.parse(wanted, (_, value: unknown) => {
    if (typeof value !== 'string' || !value.startsWith('@')) return value;
    const found = known[value];
    if (found === undefined) first.add(FIRST[value.slice(1, value.indexOf('.'))] ?? `Fill in ${value}.`);
    return found ?? '';
  }) as unknown;
  return { variables: filled, first: [...first] };
}

type Known = Record<string, string | number | undefined>;

function fresh(): Known {
  const key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return {
    '@new.key': key,
    '@new.email': `sam.${key.slice(0, 8)}@example.com`,
    '@new.time': new Date().toISOString(),
    '@new.number': Math.floor(Date.now() / 1000), // rises, and is never used twice by one device
    '@demo.email': settings.demo?.signIns[0]?.email,
    '@demo.password': settings.demo?.signIns[0]?.password,
  };
}

function attempt(): Known {
  const question = sitting?.questions.find((question) => question.options) ?? sitting?.questions[0];
  return { '@attempt.id': sitting?.id, '@attempt.question': question?.id, '@attempt.option': question?.options?.[0]?.id };
}

async function find(): Promise<Known> {
  let found: Found;
  try {
    const { tenant } = identity.current();
    ({ data: found } = await ask<Found>(FIND, {}, { tenant, token: await identity.freshToken() }));
  } catch {
    return {}; // the example still opens, and says what to fill in
  }
  // The course with most kinds of lectures shows most.
  const course = [...found.featured.nodes, ...found.open.nodes].sort((one, other) => kinds(other) - kinds(one))[0];
  const lectures = course?.sections.flatMap((section) => section.lectures) ?? [];
  const run = found.viewer?.enrollments.nodes[0];
  const own = run?.sections.flatMap((section) => section.lectures) ?? [];
  const ofKind = (kind: string) => own.find((lecture) => lecture.contentType === kind)?.id;
  return {
    '@course.id': course?.id,
    '@course.slug': course?.slug,
    '@course.instructor': course?.instructors[0]?.instructor.slug,
    '@course.preview': (lectures.find((lecture) => lecture.isPreview) ?? lectures[0])?.id,
    '@run.id': run?.id,
    '@run.text': ofKind('TEXT'),
    '@run.video': ofKind('VIDEO'),
    '@run.quiz': ofKind('QUIZ'),
    '@certificate.code': found.viewer?.certificates.nodes[0]?.code,
  };
}

function kinds(course: Course): number {
  return new Set(course.sections.flatMap((section) => section.lectures.map((lecture) => lecture.contentType))).size;
}
