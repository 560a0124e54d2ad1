"""What ffmpeg says of a video file. `ffmpeg` from PATH, else the one that `imageio-ffmpeg` carries; ffprobe is not needed."""

import asyncio
import re
import shutil
from pathlib import Path

from lms_graph.kit.errors import Invalid, Issue, Unavailable


class FfmpegProbe:
    """Fulfils VideoProbe."""

    async def duration_ms(self, path: Path) -> int:
        process = await asyncio.create_subprocess_exec(
            _ffmpeg(), "-hide_banner", "-nostdin", "-protocol_whitelist", "file", "-i", str(path), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        try:
            _, said = await asyncio.wait_for(process.communicate(), 20)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise Invalid(Issue(f"{path.name} could not be read as a video within 20 seconds.")) from None
        found = re.search(rb"Duration: (\d+):(\d\d):(\d\d)\.(\d\d)", said)
        if found is None:
            raise Invalid(Issue(f"{path.name} is not a video that ffmpeg can read."))
        hours, minutes, seconds, hundredths = (int(part) for part in found.groups())
        return ((hours * 60 + minutes) * 60 + seconds) * 1000 + hundredths * 10


def _ffmpeg() -> str:
    if found := shutil.which("ffmpeg"):
        return found
    try:
        import imageio_ffmpeg
    except ImportError:
        raise Unavailable("ffmpeg is missing. Install it (`apt-get install ffmpeg`) or the extra `lms-graph[embedded]`.") from None
    path: str = imageio_ffmpeg.get_ffmpeg_exe()
    return path
