"""Videos, as lectures show them."""

import strawberry

from lms_graph.models import media as rows
from lms_graph.types.costs import listed
from lms_graph.types.enums import described

VideoStatus = described(
    rows.VideoStatus, "VideoStatus", "Whether a video can be played.", PENDING="Not yet: it is being prepared.", READY="It can.", FAILED="It cannot: its file is broken."
)


@strawberry.type(description="A named place in a video.")
class VideoChapter:
    title: str = strawberry.field(description="1 to 200 characters.")
    start_seconds: float = strawberry.field(description="Where it begins, from 0.")


@strawberry.type(description="Captions of a video.")
class VideoCaptions:
    language: str = strawberry.field(description="BCP 47 tag.")
    label: str = strawberry.field(description="For people.")
    url: str = strawberry.field(description="A WebVTT file; the address is good for an hour.")


@strawberry.type(description="A video.")
class VideoContent:
    duration_seconds: float = strawberry.field(description="Its length.")
    chapters: list[VideoChapter] = listed(10, description="In order; at most 100.")
    captions: list[VideoCaptions] = listed(5, description="At most 50 languages.")
    status: VideoStatus = strawberry.field(description="Whether it can be played.")
