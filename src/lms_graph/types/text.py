"""Formatted text."""

import strawberry


@strawberry.type(description="A text that was written in Markdown.")
class FormattedText:
    markdown: str = strawberry.field(description="As it was written: CommonMark with tables.")
    html: str = strawberry.field(description="Safe HTML made of it: no scripts, styles, forms or frames.")
