"""A school with one of everything, in which every text that somebody wrote carries the school's marker."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from lms_graph.domain.catalog.operations import courses, paths
from lms_graph.domain.catalog.operations.courses import CourseSource, LectureSource, ResourceSource, SectionSource
from lms_graph.domain.catalog.rules import PathStep
from lms_graph.domain.certificates import operations as certificates
from lms_graph.domain.commerce.operations import invoices, selling
from lms_graph.domain.commerce.rules.offers import TaxRateDraft
from lms_graph.domain.community.operations import reviews
from lms_graph.domain.identity.operations import instructors, providers, sessions
from lms_graph.domain.learning.operations import entitlements
from lms_graph.domain.media import operations as media
from lms_graph.domain.media.operations import PutObject
from lms_graph.domain.payouts.operations import ledger
from lms_graph.domain.payouts.operations.accounts import payee_of
from lms_graph.domain.payouts.operations.ledger import Entry
from lms_graph.domain.tenancy.operations import tenants as tenancy
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import parse_id, public_id
from lms_graph.kit.permissions import Permission
from lms_graph.models import commerce, database
from lms_graph.models import identity as rows
from lms_graph.models import payouts as money
from lms_graph.models.assessment import QuestionKind
from lms_graph.models.catalog import EnrollmentPolicy, InstructorRole
from lms_graph.models.commerce import OfferSubject
from lms_graph.models.identity import ApplicationStatus, InstructorApplication, SocialKind
from lms_graph.models.tenancy import Domain
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories import offers
from tests.factories.accounts import PASSWORD, account
from tests.factories.keys import api_key, as_admin
from tests.factories.quizzes import QuestionDraft, quiz
from tests.factories.refundable import Sold, placed_order
from tests.factories.seats import bought
from tests.fixtures.callers import School
from tests.fixtures.client import Client
from tests.fixtures.house import House

Settle = Callable[[], Awaitable[list[str]]]


@dataclass(frozen=True)
class FullSchool:
    """What was made: its student, signed in; words by the names of the arguments that take them; and markers by who may read them."""

    school: School
    student: Client
    words: dict[str, list[str]]
    catalog_markers: set[str]
    private_markers: set[str]
    name_marker: str
    other_course_id: str
    ids: dict[str, str] = field(default_factory=dict)


async def full_school(house: House, settle: Settle | None = None) -> FullSchool:
    """A published course with every kind of lecture; a student who finished it, with progress, a closed and an open attempt, and a certificate: printed by `settle`, else not."""
    mark = f"zq{uuid4().hex[:10]}"
    slug = f"s-{mark}"
    id = await tenancy.create_tenant(slug=slug, name=f"School {mark}pub")
    school = School(id, slug)
    system = school.system

    teacher = await account(system, name=f"Teacher {mark}pub", email=f"{mark}prv-teacher@example.com", roles=("STUDENT", "INSTRUCTOR"))
    await instructors.save_page(caller=system, account_id=teacher, slug=f"i-{mark}pub", headline=f"Head {mark}pub", bio_markdown=f"Bio {mark}pub")
    category_id = await courses.save_category(caller=system, slug=f"k-{mark}pub", name=f"Shelf {mark}pub")
    async with unit_of_work(system):
        files = [await media.record_file(caller=system, file=_file(system, f"{mark}prv-{number}")) for number in range(3)]
        captions = [{"language": "en", "label": f"English {mark}prv", "fileId": str(files[1])}]
        video_id = await media.record_video(caller=system, file_id=files[0], duration_ms=30_000, chapters=[{"title": f"Chapter {mark}prv", "startSeconds": 0}], captions=captions)
    quiz_revision_id = (await quiz(system, *_questions(mark), title=f"Quiz {mark}prv")).quiz_revision_id
    lectures = (
        LectureSource(key="read", title=f"Read {mark}pub", markdown=f"Words {mark}prv", resources=(ResourceSource(title=f"sheet-{mark}prv.csv", file_id=files[2]),)),
        LectureSource(key="watch", title=f"Watch {mark}pub", video_id=video_id, duration_seconds=30),
        LectureSource(key="check", title=f"Check {mark}pub", quiz_revision_id=quiz_revision_id),
    )
    source = CourseSource(
        slug=f"c-{mark}pub",
        title=f"Course {mark}pub",
        description=f"About {mark}pub",
        category_id=category_id,
        instructors=((teacher, InstructorRole.LEAD),),
        enrollment_policy=EnrollmentPolicy.BY_GRANT,
        sections=(SectionSource(key="one", title=f"Part {mark}pub", lectures=lectures),),
    )
    made = await courses.publish_course(caller=system, source=source)
    door = CourseSource(
        slug=f"o-{mark}pub",
        title=f"Another {mark}pub",
        instructors=((teacher, InstructorRole.LEAD),),
        enrollment_policy=EnrollmentPolicy.OPEN,
        sections=(SectionSource(key="one", title=f"Part {mark}pub", lectures=(LectureSource(key="read", title=f"Read {mark}pub", markdown="Open to all"),)),),
    )
    other = await courses.publish_course(caller=system, source=door)
    path_id = await paths.save_path(
        caller=system, path_id=None, slug=f"p-{mark}pub", title=f"Path {mark}pub", description=f"Way {mark}pub", steps=[PathStep(course_id=made.course_id)], is_published=True
    )
    course_id = public_id("crs", made.course_id)
    lecture = await _lectures(system, made.course_id)

    email = f"{mark}prv@example.com"
    account_id = await account(system, name=f"Student {mark}nam", email=email, password=PASSWORD)
    session = await sessions.open_session(caller=system, account_id=account_id)
    student = Client(house, slug, session.access_token, account_id)
    await entitlements.grant_course(caller=system, account_id=account_id, course_id=made.course_id)
    run = (await student.data("Enroll", input={"courseId": course_id, "idempotencyKey": mark}))["enrollment"]["id"]
    beat = {"clientEventId": 1, "lectureId": lecture["watch"], "fromSeconds": 0, "toSeconds": 30, "occurredAt": datetime.now(UTC).isoformat()}
    await student.data("RecordProgress", input={"enrollmentId": run, "deviceId": f"{mark}prv", "events": [beat]})
    await student.data("CompleteLecture", input={"enrollmentId": run, "lectureId": lecture["read"]})
    admin = await account(system, name=f"Admin {mark}prv", email=f"{mark}prv-admin@example.com", roles=("TENANT_ADMIN",))
    key_id = await api_key(as_admin(system, admin), name=f"Key {mark}prv", scopes=(Permission.MEMBERS_READ,))
    async with database.reading(system):
        entry_id = await database.fetch_value("SELECT id FROM audit_entries WHERE tenant_id = $1 AND api_key_id IS NULL AND action = 'ApiKeyCreated'", id)
    app = await providers.set_social_provider(
        caller=system, secret_keys=house.adapters.secret_keys, kind=SocialKind.GITHUB, client_id=f"{mark}prv", client_secret=f"{mark}prv-secret"
    )
    await _refused(system, account_id, mark)
    async with unit_of_work(system):
        domain = await Domain.create(tenant_id=id, host=f"{mark}prv.example", verification_token=f"{mark}prv")
    sold = await offers.offer(system, made.course_id)
    packed = await offers.bundle(system, made.course_id, other.course_id, slug=f"b-{mark}pub", title=f"Bundle {mark}pub", description=f"Bundle {mark}pub")
    await offers.offer(system, packed, subject=OfferSubject.BUNDLE)
    reduced, _ = await offers.coupon(system, code=f"{mark}prv", course_ids=(made.course_id,), affiliate_account_id=admin, affiliate_share_percent=Decimal(10))
    await selling.set_selling(caller=system, changes={"seller": {"name": f"Seller {mark}prv"}})
    taxed = await selling.save_tax_rate(caller=system, draft=TaxRateDraft(country="DE", region=None, name=f"VAT {mark}prv", percent=Decimal(19)))
    ids = {
        "Offer": public_id("off", sold),
        "Bundle": public_id("bun", packed),
        "Coupon": public_id("cpn", reduced),
        "TaxRate": public_id("txr", taxed),
        "Tenant": public_id("tnt", id),
        "Domain": public_id("dom", domain.id),
        "ApiKey": public_id("key", key_id),
        "AuditEntry": public_id("aud", entry_id),
        "IdentityProvider": public_id("idp", await _provider(system, mark)),
        "SocialProvider": public_id("sop", app),
        "Profile": public_id("prf", account_id),
        "Member": public_id("mbr", account_id),
        "Course": course_id,
        "CourseTeamMember": await _team_member(system, made.course_id),
        "Lecture": lecture["check"],
        "Enrollment": run,
        "LearningPath": public_id("pth", path_id),
    }
    ids |= await traded(school, student, made.course_id, mark, seats_of=other.course_id)
    ids["Attempt"] = await _sit(student, run, lecture["check"])
    await _start(student, run, lecture["check"])
    if settle:
        await settle()
    else:
        parsed = parse_id(run)
        assert parsed
        await certificates.issue_certificate(caller=system, enrollment_id=parsed[1], closes=None, base_url=house.adapters.base_url, secret_keys=house.adapters.secret_keys)
    learned = await student.data(CERTIFICATE, id=run)
    assert bool(learned["certificate"]["pdfUrl"]) is bool(settle)

    return FullSchool(
        school,
        student,
        words={
            "slug": [source.slug, f"i-{mark}pub", f"p-{mark}pub", f"b-{mark}pub"],
            "code": [learned["certificate"]["code"]],
            "email": [email],
            "password": [PASSWORD],
            "refreshToken": [session.refresh_token],
            "search": ["Course", f"{mark}pub"],
        },
        catalog_markers={f"{mark}pub"},
        private_markers={f"{mark}prv"},
        name_marker=f"{mark}nam",
        other_course_id=public_id("crs", other.course_id),
        ids=ids,
    )


async def traded(school: School, student: Client, course_id: UUID, mark: str, *, seats_of: UUID) -> dict[str, str]:
    """One of everything that a student who is through a course has of sales, earnings and opinions: their ids by type."""
    account_id = student.account_id
    assert account_id
    ids = await _given_back(school, account_id, course_id, mark)
    ids |= await _under_way(school, account_id, course_id, mark)
    ids |= await _earned(school.system, account_id, mark)
    ids |= await _seats(school.system, student, seats_of, mark)
    return ids | {"Review": await _review(school.system, student, public_id("crs", course_id), mark)}


async def _given_back(school: School, account_id: UUID, course_id: UUID, mark: str) -> dict[str, str]:
    """An order of the student's, of which something was asked back, and which is contested: as rows, for nothing is paid here."""
    order_id, line_ids = await placed_order(school, account_id, Sold(total=1000, courses=(course_id,)))
    tenant = {"tenant_id": school.id, "order_id": order_id, "currency": "EUR", "amount": 1000}
    now = datetime.now(UTC)
    async with unit_of_work(school.system):
        await _of_the_student(school.system, order_id, mark, status=commerce.OrderStatus.PAID, paid_at=now)
        payment = await commerce.Payment.create(**tenant, status=commerce.PaymentStatus.SUCCEEDED, provider_payment_id=f"pi_{mark}prv", created_at=now)
        refund = await commerce.Refund.create(
            **tenant,
            payment_id=payment.id,
            status=commerce.RefundStatus.REQUESTED,
            reason=f"Because {mark}prv",
            access_change=commerce.AccessChange.REVOKE,
            allocation=[{"line_id": str(line_ids[0]), "amount": 1000, "tax": 0}],
            requested_by_account_id=account_id,
            created_at=now,
        )
        dispute = await commerce.Dispute.create(
            **tenant, payment_id=payment.id, status=commerce.DisputeStatus.NEEDS_RESPONSE, reason=f"{mark}prv", provider_dispute_id=f"dp_{mark}prv", evidence={}, opened_at=now
        )
        await invoices.issue_invoice(caller=school.system, order_id=order_id, closes=None)
        invoice = await commerce.Invoice.for_caller(school.system, order_id=order_id).get()
    return {
        "Order": public_id("ord", order_id),
        "OrderLine": public_id("lin", line_ids[0]),
        "Payment": public_id("pay", payment.id),
        "Refund": public_id("rfd", refund.id),
        "Dispute": public_id("dsp", dispute.id),
        "Invoice": public_id("inv", invoice.id),
    }


async def _under_way(school: School, account_id: UUID, course_id: UUID, mark: str) -> dict[str, str]:
    """A checkout of the student's that can be paid, and a plan: as rows, for there is no payment provider here."""
    system, now = school.system, datetime.now(UTC)
    order_id, _ = await placed_order(school, account_id, Sold(total=1000, courses=(course_id,)))
    async with unit_of_work(system):
        await _of_the_student(system, order_id, mark)
        checkout = await commerce.Checkout.create(
            tenant_id=school.id,
            order_id=order_id,
            account_id=account_id,
            provider_session_id=f"cs_{mark}prv",
            payment_url=f"https://pay.example/{mark}prv",
            client_secret=f"cs_{mark}prv_secret",
            success_url=f"https://{mark}prv.example/thanks",
            cancel_url=f"https://{mark}prv.example/",
            expires_at=now + timedelta(hours=1),
            created_at=now,
        )
        line = await commerce.OrderLine.for_caller(system, order_id=order_id).get()
        plan = await commerce.Subscription.create(
            tenant_id=school.id,
            account_id=account_id,
            offer_id=line.offer_id,
            first_order_id=order_id,
            status=commerce.SubscriptionStatus.ACTIVE,
            currency="EUR",
            amount=1000,
            provider_subscription_id=f"sub_{mark}prv",
            current_period_start=now,
            current_period_end=now + timedelta(days=30),
            terms={"interval": "MONTH"},
            created_at=now,
            updated_at=now,
        )
    return {"Checkout": public_id("chk", checkout.id), "Plan": public_id("sub", plan.id)}


async def _of_the_student(system: Caller, order_id: UUID, mark: str, **values: object) -> None:
    await commerce.Order.for_caller(system, id=order_id).update(email=f"{mark}prv@example.com", name=f"Student {mark}prv", **values)
    await commerce.OrderLine.for_caller(system, order_id=order_id).update(gift_message=f"Message {mark}prv")


async def _earned(system: Caller, account_id: UUID, mark: str) -> dict[str, str]:
    """What the student has brought in, was paid, and reads of it in a statement."""
    payee_id = await payee_of(caller=system, account_id=account_id)
    sale, now = uuid4(), system.now
    entries = [Entry(account=money.LedgerAccount.PROVIDER, amount=500, currency="EUR"), Entry(account=money.LedgerAccount.PAYEE, payee_id=payee_id, amount=-500, currency="EUR")]
    await ledger.post(caller=system, kind=money.TransactionKind.SALE, source_id=sale, entries=entries)
    async with unit_of_work(system):
        await money.Payee.for_caller(system, id=payee_id).update(provider_account_id=f"acct_{mark}prv", country="DE", requirements=[f"{mark}prv"])
        entry = await money.LedgerEntry.for_caller(system, payee_id=payee_id).get()
        failed = {"status": money.PayoutStatus.FAILED, "problem": f"Because {mark}prv"}
        payout = await money.Payout.create(tenant_id=system.tenant_id, payee_id=payee_id, currency="EUR", amount=500, created_at=now, **failed)
        file_id = await media.record_file(caller=system, file=_file(system, f"{mark}prv-statement"))
        statement = await money.Statement.create(tenant_id=system.tenant_id, payee_id=payee_id, month=date(2026, 1, 1), csv_file_id=file_id, pdf_file_id=file_id, created_at=now)
    return {
        "Payee": public_id("pye", payee_id),
        "LedgerEntry": public_id("led", entry.id),
        "Payout": public_id("pot", payout.id),
        "PayeeStatement": public_id("stm", statement.id),
    }


CERTIFICATE = "query ($id: ID!) { enrollment(id: $id) { certificate { code pdfUrl } } }"
START = (
    "mutation ($input: AttemptStartInput!) { attemptStart(input: $input) { attempt { id questions { id ... on ChoicePrompt { options { id text } } } } errors { code message } } }"
)
SAVE = "mutation ($input: AttemptAnswerSaveInput!) { attemptAnswerSave(input: $input) { savedAt errors { code message } } }"
SUBMIT = "mutation ($input: AttemptSubmitInput!) { attemptSubmit(input: $input) { attempt { result { passed } } errors { code message } } }"


async def _lectures(caller: Caller, course_id: UUID) -> dict[str, str]:
    """The ids of a course's lectures by their keys."""
    async with database.reading(caller):
        rows = await database.fetch("SELECT key, id FROM lectures WHERE tenant_id = $1 AND course_id = $2", caller.tenant_id, course_id)
    return {row["key"]: public_id("lec", row["id"]) for row in rows}


async def _review(system: Caller, student: Client, course_id: str, mark: str) -> str:
    """What the student says of the course, and what an admin answers."""
    saved = await student.data("Review", input={"courseId": course_id, "rating": 4, "body": f"Opinion {mark}pub"})
    id = parse_id(saved["review"]["id"])
    assert id
    teacher = await account(system, name=f"Answers {mark}pub", roles=("TENANT_ADMIN",))
    await reviews.reply(caller=as_admin(system, teacher), review_id=id[1], body=f"Reply {mark}pub")
    return public_id(*id)


async def _seats(system: Caller, student: Client, course_id: UUID, mark: str) -> dict[str, str]:
    """Seats that the student bought, of which one waits for somebody."""
    assert student.account_id
    pool = await bought(system, student.account_id, course_id, gift_email=f"{mark}prv-friend@example.com", gift_message=f"Message {mark}prv")
    (seat,) = (await student.data("SeatPool", id=pool.id))["assignments"]["nodes"]
    return {"SeatPool": pool.id, "SeatAssignment": seat["id"]}


async def _provider(caller: Caller, mark: str) -> UUID:
    """A provider as it stands once it was set; to set it takes one that listens."""
    async with unit_of_work(caller):
        made = await rows.IdentityProvider.create(
            tenant_id=caller.tenant_id,
            issuer=f"https://{mark}prv.example",
            audience=[f"{mark}prv"],
            jwks_url=f"https://{mark}prv.example/jwks",
            algorithms=["RS256"],
            authorized_parties=[],
            created_at=caller.now,
            updated_at=caller.now,
        )
    return made.id


async def _team_member(caller: Caller, course_id: UUID) -> str:
    """The id of the course's creator in its team."""
    async with database.reading(caller):
        return public_id("tea", await database.fetch_value("SELECT id FROM course_team WHERE tenant_id = $1 AND course_id = $2", caller.tenant_id, course_id))


async def _refused(caller: Caller, account_id: UUID, mark: str) -> None:
    """An application of the student's that was refused."""
    async with unit_of_work(caller):
        await InstructorApplication.create(
            tenant_id=caller.tenant_id,
            account_id=account_id,
            motivation=f"Because {mark}prv",
            status=ApplicationStatus.REFUSED,
            reason=f"Not yet {mark}prv",
            applied_at=caller.now,
            decided_at=caller.now,
        )


def _file(caller: Caller, key: str) -> PutObject:
    return PutObject(key=f"{caller.tenant_id}/{key}", content_type="text/vtt", size_bytes=1, sha256="0" * 64, is_public=False)


def _questions(mark: str) -> list[QuestionDraft]:
    options = [{"key": str(number), "text": f"Option {number} {mark}prv", "correct": number == 1, "feedback": f"Because {mark}prv"} for number in (1, 2)]
    return [
        QuestionDraft(key="choice", kind=QuestionKind.CHOICE, prompt=f"Which {mark}prv?", points=Decimal(1), body={"multiple": False, "options": options}),
        QuestionDraft(key="true", kind=QuestionKind.TRUE_FALSE, prompt=f"So {mark}prv?", points=Decimal(1), body={"answer": True, "feedback": f"For {mark}prv"}),
    ]


async def _start(student: Client, run: str, lecture: str) -> dict[str, object]:
    started = await student.data(START, input={"enrollmentId": run, "lectureId": lecture, "idempotencyKey": uuid4().hex})
    assert started["errors"] == []
    attempt: dict[str, object] = started["attempt"]
    return attempt


async def _sit(student: Client, run: str, lecture: str) -> str:
    """An attempt that passes."""
    attempt = await _start(student, run, lecture)
    for question in attempt["questions"]:  # type: ignore[attr-defined]
        right = [option["id"] for option in question.get("options", ()) if "Option 1" in option["text"]]
        answer = {"choice": right} if right else {"trueFalse": True}
        saved = await student.data(SAVE, input={"attemptId": attempt["id"], "questionId": question["id"], "answer": answer})
        assert saved["errors"] == []
    submitted = await student.data(SUBMIT, input={"attemptId": attempt["id"]})
    assert submitted["attempt"]["result"]["passed"]
    return str(attempt["id"])
