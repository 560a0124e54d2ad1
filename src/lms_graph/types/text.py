"""Formatted text."""

import strawberry


@strawberry.type(description="Text with formatting.")
class FormattedText:
    markdown: str = strawberry.field(description="As it was written: CommonMark with tables; raw HTML in it is shown as text.")
    html: str = strawberry.field(description="Safe to show: made of the Markdown and sanitized when it was written.")
