"""Tasks belong to whoever made them; another's is not there."""

from uuid import UUID

from libs.contracts.progress import GetTask, TaskInfo
from services.gateway.domain.failures import TaskNotFound
from services.gateway.edge.access import Access
from services.gateway.edge.platform import Platform


def maker_of(access: Access) -> str | None:
    """Return whose tasks the caller may see; None: everybody's."""
    if access.is_admin or access.identity is None:
        return None
    return access.identity.actor


async def get_own_task(platform: Platform, access: Access, task_id: UUID) -> TaskInfo:
    """Return the task, or 404 with the same body and work as for one that is not there."""
    task = await platform.ask(GetTask(task_id=task_id))
    maker = maker_of(access)
    if maker is not None and task.created_by != maker:
        raise TaskNotFound(str(task_id))
    return task


async def check_own_task(platform: Platform, access: Access, task_id: UUID) -> None:
    """Raise 404 unless the caller may see the task, and so change it."""
    if not access.is_admin:
        await get_own_task(platform, access, task_id)
